import Testing

@testable import CEL

@Suite struct TimeZoneTests {
  /// Zone, seconds since 1970, seconds east of UTC; from another implementation.
  static let offsets: [(String, Int64, Int)] = [
    ("Europe/Berlin", -1095973200, 3600), ("Europe/Berlin", 250873200, 3600),
    ("Europe/Berlin", 1236045600, 3600), ("Europe/Berlin", 1705165200, 3600),
    ("Europe/Berlin", 1937523600, 7200), ("Europe/Berlin", 2880982800, 7200),
    ("America/New_York", -1090782000, -14400), ("America/New_York", 224316000, -18000),
    ("America/New_York", 1233086400, -18000), ("America/New_York", 1716710400, -14400),
    ("America/New_York", 1933232400, -14400), ("America/New_York", 2883942000, -14400),
    ("US/Central", -1091250000, -18000), ("US/Central", 235828800, -18000),
    ("US/Central", 1252386000, -18000), ("US/Central", 1713254400, -18000),
    ("US/Central", 1929978000, -21600), ("US/Central", 2882163600, -18000),
    ("Australia/Sydney", -1079017200, 36000), ("Australia/Sydney", 242485200, 36000),
    ("Australia/Sydney", 1248080400, 36000), ("Australia/Sydney", 1721019600, 36000),
    ("Australia/Sydney", 1933574400, 36000), ("Australia/Sydney", 2871939600, 39600),
    ("Asia/Kathmandu", -1084464000, 19800), ("Asia/Kathmandu", 243460800, 19800),
    ("Asia/Kathmandu", 1251021600, 20700), ("Asia/Kathmandu", 1711087200, 20700),
    ("Asia/Kathmandu", 1928815200, 20700), ("Asia/Kathmandu", 2899807200, 20700),
    ("Africa/Casablanca", -1093698000, 0), ("Africa/Casablanca", 238615200, 3600),
    ("Africa/Casablanca", 1245603600, 3600), ("Africa/Casablanca", 1712804400, 0),
    ("Africa/Casablanca", 1926918000, 0), ("Africa/Casablanca", 2884269600, 3600),
    ("Europe/Dublin", -1078592400, 0), ("Europe/Dublin", 224485200, 0),
    ("Europe/Dublin", 1242345600, 3600), ("Europe/Dublin", 1705096800, 0),
    ("Europe/Dublin", 1928530800, 0), ("Europe/Dublin", 2898892800, 0),
    ("America/Sao_Paulo", -1090677600, -10800), ("America/Sao_Paulo", 228168000, -10800),
    ("America/Sao_Paulo", 1248807600, -10800), ("America/Sao_Paulo", 1732672800, -10800),
    ("America/Sao_Paulo", 1937023200, -10800), ("America/Sao_Paulo", 2890872000, -10800),
    ("Antarctica/Troll", -1093064400, 0), ("Antarctica/Troll", 226951200, 0),
    ("Antarctica/Troll", 1231722000, 0), ("Antarctica/Troll", 1722942000, 7200),
    ("Antarctica/Troll", 1938880800, 7200), ("Antarctica/Troll", 2875672800, 0),
    ("Asia/Tehran", -1088370000, 12600), ("Asia/Tehran", 221014800, 12600),
    ("Asia/Tehran", 1260126000, 12600), ("Asia/Tehran", 1730833200, 12600),
    ("Asia/Tehran", 1926514800, 12600), ("Asia/Tehran", 2895991200, 12600),
    ("Pacific/Apia", -1104220800, -41400), ("Pacific/Apia", 233413200, -39600),
    ("Pacific/Apia", 1257606000, -39600), ("Pacific/Apia", 1712584800, 46800),
    ("Pacific/Apia", 1941930000, 46800), ("Pacific/Apia", 2880712800, 46800),
    ("America/Nuuk", -1094986800, -10800), ("America/Nuuk", 230018400, -10800),
    ("America/Nuuk", 1230883200, -10800), ("America/Nuuk", 1715184000, -3600),
    ("America/Nuuk", 1934866800, -3600), ("America/Nuuk", 2889763200, -3600),
  ]

  @Test("zones have their offsets at an instant", arguments: offsets)
  func zoneOffsets(_ zone: String, _ seconds: Int64, _ offset: Int) {
    #expect(TimeZones.offset(of: zone, at: seconds) == offset)
  }

  @Test(
    "unknown zones have no offset",
    arguments: ["", "Mars/Base", "+2:00", "+24:00", "+02:60", "02", "a:bc", "europe/berlin"])
  func unknownZones(_ name: String) { #expect(TimeZones.offset(of: name, at: 0) == nil) }

  @Test("the database has all zones") func allZones() { #expect(TimeZones.allNames.count > 550) }
}
