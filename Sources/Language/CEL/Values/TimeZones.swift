import FlowSource

/// The time zones of the world: the offset of local time from UTC at an instant.
///
/// The database is part of the program, so that an evaluation gives the same result on every host.
public enum TimeZones {
  /// Seconds east of UTC at an instant, given in seconds since 1970; nil when there is no such zone.
  ///
  /// Accepts IANA names with their old links, `UTC`, and offsets: `+02:00`, `-02:30`, `02:00`.
  public static func offset(of name: String, at seconds: Int64) -> Int? {
    if name == "UTC" || name == "Z" { return 0 }
    if let zone = index[name] { return zone.offset(at: seconds) }
    return fixedOffset(Array(name.utf8))
  }

  /// The instant with a local time in a zone, given in seconds as if it were UTC; for a skipped time, the first instant
  /// after the gap. Nil when there is no such zone.
  /// - Parameter preferred: The offset that decides between two instants with this local time; nil for the first one.
  public static func instant(local: Int64, in name: String, preferring preferred: Int? = nil) -> Int64? {
    if let preferred, offset(of: name, at: local - Int64(preferred)) == preferred { return local - Int64(preferred) }
    guard let before = offset(of: name, at: local - 86_400), let after = offset(of: name, at: local + 86_400) else {
      return nil
    }
    let candidates = [local - Int64(max(before, after)), local - Int64(min(before, after))]
    for instant in candidates where offset(of: name, at: instant).map({ instant + Int64($0) }) == local {
      return instant
    }
    // The time is skipped: a binary search finds the change of the offset.
    var (low, high) = (candidates[0], candidates[1])
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if offset(of: name, at: middle) == before { low = middle } else { high = middle }
    }
    return high
  }

  /// Checks for a known zone.
  public static func isKnown(_ name: String) -> Bool { offset(of: name, at: 0) != nil }

  /// A hint for a name that is not known.
  public static func hint(for name: String) -> String {
    (name.isEmpty ? nil : Suggestion.closest(to: name, among: allNames).first).map { "did you mean \"\($0)\"?" }
      ?? "write a name of the IANA database, such as \"Europe/Berlin\", or an offset such as \"+02:00\""
  }

  /// The names of all zones, sorted.
  public static var allNames: [String] { index.keys.sorted() }

  private static func fixedOffset(_ text: [UInt8]) -> Int? {
    var digits = text[...]
    let isWest = digits.first == UInt8(ascii: "-")
    if isWest || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
    let parts = digits.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ $0.count == 2 && $0.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }) else {
      return nil
    }
    let numbers = parts.map { $0.reduce(0) { $0 * 10 + Int($1 - 0x30) } }
    guard numbers[0] < 24, numbers[1] < 60 else { return nil }
    return (numbers[0] * 3600 + numbers[1] * 60) * (isWest ? -1 : 1)
  }

  /// The zones by all their names.
  private static let index: [String: Zone] = {
    var reader = ZoneReader(bytes: Base64.decode((dataStart + dataEnd).utf8.filter { $0 > 0x20 }) ?? [])
    var index: [String: Zone] = [:]
    for line in names.split(separator: "\n") {
      guard let zone = reader.zone() else { break }
      for name in line.split(separator: " ") { index[String(name)] = zone }
    }
    return index
  }()
}

/// One zone: its past transitions, and the rule for future ones.
private struct Zone: Sendable {
  var firstOffset: Int
  var instants: [Int64]
  /// The offset from each instant on.
  var offsets: [Int]
  var rule: ZoneRule?

  func offset(at seconds: Int64) -> Int {
    guard let last = instants.last, let lastOffset = offsets.last else {
      return rule?.offset(at: seconds) ?? firstOffset
    }
    if seconds >= last { return rule?.offset(at: seconds) ?? lastOffset }
    var low = 0
    var high = instants.count
    while low < high {
      let middle = (low + high) / 2
      if instants[middle] <= seconds { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? firstOffset : offsets[low - 1]
  }
}

private struct ZoneReader {
  let bytes: [UInt8]
  var at = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  private mutating func number() -> Int64? {
    var value: Int64 = 0
    for shift in stride(from: Int64(0), to: 63, by: 7) {
      guard at < bytes.count else { return nil }
      let byte = bytes[at]
      at += 1
      value |= Int64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }

  private mutating func signed() -> Int64? { number().map { $0 & 1 == 0 ? $0 >> 1 : -(($0 + 1) >> 1) } }

  mutating func zone() -> Zone? {
    guard number() != nil, let ruleLength = number(), at + Int(ruleLength) <= bytes.count else { return nil }
    let text = Array(bytes[at..<at + Int(ruleLength)])
    at += Int(ruleLength)
    guard let first = signed(), let count = number() else { return nil }
    var zone = Zone(firstOffset: Int(first), instants: [], offsets: [], rule: ZoneRule(text))
    var instant: Int64 = -(1 << 36)
    for _ in 0..<count {
      guard let step = number(), let offset = signed() else { return nil }
      instant += step
      zone.instants.append(instant)
      zone.offsets.append(Int(offset))
    }
    return zone
  }
}
