import FlowJSON
import FlowSource
import Testing

@testable import CEL

/// Values at the limits of JSON, networks and URLs.
@Suite struct ValueTests {
  @Test(
    "an IPv4-mapped IPv6 address is the IPv4 address",
    arguments: [
      "ip('::ffff:c0a8:1') == ip('192.168.0.1')", "ip('::FFFF:7f00:1').isLoopback()",
      "ip('::ffff:c0a8:1').family() == 4",
      "string(ip('0:0:0:0:0:ffff:0a00:0001')) == '10.0.0.1'", "!ip.isCanonical('::ffff:c0a8:1')",
      "cidr('10.0.0.0/8').containsIP('::ffff:a01:203')", "cidr('::ffff:a00:0/104') == cidr('10.0.0.0/8')",
      "!isCIDR('::ffff:a00:0/95')", "ip('::fffe:c0a8:1').family() == 6", "!isIP('::ffff:192.168.0.1')",
    ])
  func mappedAddresses(_ text: String) throws {
    #expect(try evaluate(text) == .success(.bool(true)))
  }

  @Test(
    "url.encode keeps unreserved characters only",
    arguments: [
      "url.encode('../secret') == '..%2Fsecret'", "url.encode('?x=1&y') == '%3Fx%3D1%26y'",
      "url.encode('aZ09-._~') == 'aZ09-._~'", "url.encode('a b%') == 'a%20b%25'", "url.encode('é') == '%C3%A9'",
      "url.encode('') == ''", "url.encode(status) == 'paid'",
    ])
  func urlEncoding(_ text: String) throws {
    #expect(try evaluate(text) == .success(.bool(true)))
  }

  @Test(
    "a large whole number in JSON is exact or rejected",
    arguments: [
      ("9007199254740991.0", .int(9_007_199_254_740_991)), ("9007199254740992.0", nil), ("9007199254740993.0", nil),
      ("-9007199254740993.0", nil), ("9.007199254740993e15", nil), ("1e300", nil), ("1e3", .int(1000)), ("1.5", nil),
      ("9007199254740993", .int(9_007_199_254_740_993)), ("9223372036854775807", .int(.max)),
    ] as [(String, Value?)])
  func wholeNumbers(_ json: String, _ value: Value?) throws {
    let read = Value.from(try JSON(parsing: json), as: .int, in: TypeRegistry())
    #expect((try? read.get()) == value)
  }

  @Test(
    "an unsigned number in JSON is exact or rejected",
    arguments: [
      ("3.0", .uint(3)), ("9007199254740993.0", nil), ("-1.0", nil), ("18446744073709551615", .uint(.max)),
    ] as [(String, Value?)])
  func unsignedNumbers(_ json: String, _ value: Value?) throws {
    let read = Value.from(try JSON(parsing: json), as: .uint, in: TypeRegistry())
    #expect((try? read.get()) == value)
  }

  @Test(
    "timestamps in JSON sort as text",
    arguments: [
      (1_700_000_000, 0, "2023-11-14T22:13:20.000Z"), (1_700_000_000, 410_000_000, "2023-11-14T22:13:20.410Z"),
      (1_700_000_000, 410_200_000, "2023-11-14T22:13:20.410200Z"), (1_700_000_000, 1, "2023-11-14T22:13:20.000000001Z"),
      (-1, 500_000_000, "1969-12-31T23:59:59.500Z"), (-62_135_596_800, 0, "0001-01-01T00:00:00.000Z"),
    ] as [(Int64, UInt32, String)])
  func timestamps(_ seconds: Int64, _ nanoseconds: UInt32, _ text: String) throws {
    let instant = Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    #expect(Value.timestamp(instant).json(in: TypeRegistry()) == .string(text))
    #expect(Timestamp(text) == instant)
  }

  @Test("string(timestamp) has no trailing zeros, as CEL defines") func timestampText() throws {
    #expect(
      try evaluate("string(timestamp('2026-01-31T12:00:00.410Z')) == '2026-01-31T12:00:00.41Z'")
        == .success(.bool(true)))
    #expect(
      try evaluate("string(timestamp('2026-01-31T12:00:00.000Z')) == '2026-01-31T12:00:00Z'")
        == .success(.bool(true)))
  }

  @Test(
    "a constant time zone or time of day must exist",
    arguments: [
      ("when.getHours('Mars/Base')", "there is no time zone \"Mars/Base\""),
      ("when.getFullYear('Europe/Berlni')", "there is no time zone \"Europe/Berlni\""),
      ("next_local(when, '09:00', 'Mars/Base')", "there is no time zone \"Mars/Base\""),
      ("next_local(when, '25:00', 'UTC')", "\"25:00\" is not a time of day, such as \"09:00\""),
      ("timestamp('2026-01-01T00:00:00Z').getHours('Mars/Base')", "there is no time zone \"Mars/Base\""),
    ])
  func constantZones(_ text: String, _ message: String) {
    let (expression, _) = parse(text)
    let found = sampleEnvironment().check(expression).diagnostics
    #expect(found.map(\.code) == ["F208"])
    #expect(found.map(\.message) == [message])
  }
}

/// Protobuf messages that contain JSON.
@Suite("Protobuf Struct") struct StructTests {
  private func run(_ text: String) throws -> Result<Value, EvaluationError> {
    var environment = Environment()
    environment.types.declareWellKnownTypes()
    let typed = try #require(environment.check(parse(text).0).expression)
    return try CELTests.run(typed, environment)
  }

  @Test("a Struct accepts string keys") func stringKeys() throws {
    let result = try run("google.protobuf.Struct{fields: {'a': {'b': 1}}}.a.b == 1.0")
    #expect(result == .success(.bool(true)))
  }

  @Test(
    "another key of a Struct is an error, at any depth",
    arguments: [
      "google.protobuf.Struct{fields: dyn({1: 'a'})}", "google.protobuf.Struct{fields: {'a': {1: 2}}}",
      "google.protobuf.Value{struct_value: {'a': {true: 2}}}", "google.protobuf.ListValue{values: [{1u: 2}]}",
    ])
  func otherKeys(_ text: String) throws {
    let error = #expect(throws: EvaluationError.self) { try run(text).get() }
    #expect(error?.message.contains("is a string") == true)
  }
}
