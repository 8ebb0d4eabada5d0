import FlowJSON
import Testing

@Suite struct JSONTests {
  @Test(arguments: [
    "null", "true", "[]", "{}", "0", "-1", "9223372036854775807", "18446744073709551615", "1.5", "-2.5e-07",
    #""a\"b\\c\n""#, #"[1,[2,{"a":null}]]"#, #"{"b":1,"a":"é"}"#,
  ])
  func whatIsWrittenIsWhatWasRead(_ text: String) throws {
    #expect(try JSON(parsing: text).text() == text)
  }

  @Test(arguments: [
    "", "nul", "01", "1.", "+1", ".5", "1e", "1e999", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":1,}", "{a:1}",
    "{\"a\":1,\"a\":2}", "\"abc", "\"\u{1}\"", #""\x""#, #""\ud800""#, #""\u12g4""#, "[] []", "'a'", "NaN", "// c\n1",
  ])
  func whatIsNoJSONIsRefused(_ text: String) {
    #expect(throws: JSONError.self) { try JSON(parsing: text) }
  }

  @Test func namesThePlaceOfAMistake() {
    #expect(throws: JSONError(message: "expected `,` or `}`", offset: 8)) { try JSON(parsing: #"{"a": 1 "b": 2}"#) }
  }

  @Test func invalidUTF8IsRefused() {
    #expect(throws: JSONError.self) { try JSON(parsing: [0x22, 0xFF, 0x22]) }
  }

  @Test func nestingHasALimit() throws {
    let deep = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
    #expect(try JSON(parsing: deep).array?.count == 1)
    #expect(throws: JSONError.self) { try JSON(parsing: "[\(deep)]") }
    #expect(throws: JSONError.self) { try JSON(parsing: String(repeating: "[", count: 1_000_000)) }
  }

  @Test func surrogatePairsAreOneCharacter() throws {
    #expect(try JSON(parsing: #""\ud83d\ude00""#) == .string("😀"))
  }

  @Test func canonicalTextSortsMembers() throws {
    #expect(try JSON(parsing: #"{"b":[{"z":1,"y":2}],"a":0}"#).text(.canonical) == #"{"a":0,"b":[{"y":2,"z":1}]}"#)
  }
}
