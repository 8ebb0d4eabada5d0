import FlowJSON
import Testing

@Suite struct JSONTests {
  @Test(
    "a document is written as it was read",
    arguments: [
      "null", "true", "[]", "{}", "0", "-1", "9223372036854775807", "18446744073709551615", "1.5", "-2.5e-07",
      #""a\"b\\c\n""#, #"[1,[2,{"a":null}]]"#, #"{"b":1,"a":"é"}"#,
    ])
  func roundTrips(_ text: String) throws {
    #expect(try JSON(parsing: text).text() == text)
  }

  @Test(
    "text that is not JSON is rejected",
    arguments: [
      "", "nul", "01", "1.", "+1", ".5", "1e", "1e999", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":1,}", "{a:1}",
      "{\"a\":1,\"a\":2}", "\"abc", "\"\u{1}\"", #""\x""#, #""\ud800""#, #""\u12g4""#, "[] []", "'a'", "NaN", "// c\n1",
    ])
  func rejects(_ text: String) {
    #expect(throws: JSONError.self) { try JSON(parsing: text) }
  }

  @Test("a member that stands there twice is rejected, at any distance", arguments: [1, 7, 8, 9, 20])
  func repeatedMember(count: Int) throws {
    let members = (0..<count).map { "\"m\($0)\":\($0)" }.joined(separator: ",")
    #expect(try JSON(parsing: "{\(members)}").members?.count == count)
    #expect(throws: JSONError.self) { try JSON(parsing: "{\(members),\"m0\":1}") }
    #expect(throws: JSONError.self) { try JSON(parsing: "{\(members),\"m\(count - 1)\":1}") }
  }

  @Test(
    "whole numbers of any length are read",
    arguments: [
      ("-0", .int(0)), ("999999999999999999", .int(999_999_999_999_999_999)),
      ("-999999999999999999", .int(-999_999_999_999_999_999)), ("1000000000000000000", .int(1_000_000_000_000_000_000)),
      ("-9223372036854775808", .int(.min)), ("18446744073709551616", .double(18_446_744_073_709_551_616)),
    ] as [(String, JSON)])
  func wholeNumbers(text: String, value: JSON) throws {
    #expect(try JSON(parsing: text) == value)
  }

  @Test("an error has the byte offset of the mistake") func errorOffset() {
    #expect(throws: JSONError(message: "expected `,` or `}`", offset: 8)) { try JSON(parsing: #"{"a": 1 "b": 2}"#) }
  }

  @Test("invalid UTF-8 is rejected") func invalidUTF8() {
    #expect(throws: JSONError.self) { try JSON(parsing: [0x22, 0xFF, 0x22]) }
  }

  @Test("nesting is limited") func nesting() throws {
    let deep = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
    #expect(try JSON(parsing: deep).array?.count == 1)
    #expect(throws: JSONError.self) { try JSON(parsing: "[\(deep)]") }
    #expect(throws: JSONError.self) { try JSON(parsing: String(repeating: "[", count: 1_000_000)) }
  }

  @Test("a surrogate pair is one character") func surrogatePairs() throws {
    #expect(try JSON(parsing: #""\ud83d\ude00""#) == .string("😀"))
  }

  @Test("canonical text sorts members") func canonical() throws {
    #expect(try JSON(parsing: #"{"b":[{"z":1,"y":2}],"a":0}"#).text(.canonical) == #"{"a":0,"b":[{"y":2,"z":1}]}"#)
  }

  @Test("percent-encoding keeps unreserved characters only") func percentEncoding() {
    #expect("aZ09-._~".percentEncoded == "aZ09-._~")
    #expect("a/b?c=d&e f%é".percentEncoded == "a%2Fb%3Fc%3Dd%26e%20f%25%C3%A9")
    #expect("../a b".percentEncoded(except: "/") == "../a%20b")
  }

  @Test("hexadecimal numbers are zero-padded") func hexadecimal() {
    #expect(UInt8(10).hexadecimal == "0a")
    #expect(UInt64(0xBEEF).hexadecimal == "000000000000beef")
    #expect([UInt8(0), 255].hexadecimal == "00ff")
  }

  // The test vectors of the FNV authors.
  @Test(
    "FNV-1a gives the published hashes",
    arguments: [
      ("", 0xCBF2_9CE4_8422_2325), ("a", 0xAF63_DC4C_8601_EC8C), ("foobar", 0x8594_4171_F739_67E8),
    ] as [(String, UInt64)])
  func fnv(_ text: String, _ hash: UInt64) { #expect(text.utf8.fnv1a == hash) }
}
