extension Evaluator {
  func timeAccess(_ arguments: Arguments) -> Slot {
    let a = arguments[0]
    if a.tag == .duration, arguments.count == 1 { return durationPart(arguments, a.asDuration) }
    guard a.tag == .timestamp, arguments.count == 1 || arguments.have(.timestamp, .string) else {
      return noOverload(arguments)
    }
    var offset = 0
    if arguments.count == 2 {
      charge(4 + Int(arguments[1].count) / 16)
      guard let found = TimeZones.offset(of: arguments[1].string, at: a.asTimestamp.seconds) else {
        return fail(.unknownZone(arguments[1].string))
      }
      offset = found
    }
    return .int(Int64(part(arguments.builtin, CivilTime(a.asTimestamp, offsetSeconds: offset))))
  }

  /// `next_local(instant, "09:00", zone)`: the first instant strictly after `instant` with this local time. On a day
  /// that skips it, the first instant after the gap.
  func nextLocal(_ arguments: Arguments) -> Slot {
    guard arguments.have(.timestamp, .string, .string) else { return noOverload(arguments) }
    charge(8 + Int(arguments[2].count) / 16)
    let zone = arguments[2].string
    let start = arguments[0].asTimestamp.seconds
    guard let time = Self.secondsOfDay(arguments[1].string) else {
      return fail(.badTime("\(arguments[1].literal) is not a time of day, such as \"09:00\""))
    }
    guard let offset = TimeZones.offset(of: zone, at: start) else {
      return fail(.unknownZone(zone))
    }
    let today = (start + Int64(offset)).floorDivided(by: 86_400)
    for day in (today - 1)...(today + 2) {
      let instant = TimeZones.instant(local: day * 86_400 + Int64(time), in: zone)
      if let instant, instant > start { return .timestamp(Timestamp(seconds: instant)) }
    }
    return fail("there is no such time")
  }

  /// `09:00` or `09:00:30`.
  static func secondsOfDay(_ text: String) -> Int? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { $0.utf8.count == 2 ? Int($0) : nil }
    guard numbers.count == parts.count, 2...3 ~= numbers.count, 0..<24 ~= numbers[0],
      numbers.dropFirst().allSatisfy({ 0..<60 ~= $0 })
    else { return nil }
    return numbers[0] * 3600 + numbers[1] * 60 + (numbers.count == 3 ? numbers[2] : 0)
  }

  private func part(_ builtin: Builtin, _ time: CivilTime) -> Int {
    switch builtin {
    case .getFullYear: time.year
    case .getMonth: time.month - 1
    case .getDate: time.day
    case .getDayOfMonth: time.day - 1
    case .getDayOfWeek: time.dayOfWeek
    case .getDayOfYear: time.dayOfYear
    case .getHours: time.hour
    case .getMinutes: time.minute
    case .getSeconds: time.second
    default: time.nanosecond / 1_000_000
    }
  }

  /// Hours, minutes and seconds are totals; milliseconds are the remainder within the second.
  private func durationPart(_ arguments: Arguments, _ duration: Duration) -> Slot {
    let nanoseconds = duration.nanoseconds
    switch arguments.builtin {
    case .getHours: return .int(nanoseconds / 3_600_000_000_000)
    case .getMinutes: return .int(nanoseconds / 60_000_000_000)
    case .getSeconds: return .int(nanoseconds / 1_000_000_000)
    case .getMilliseconds: return .int(nanoseconds % 1_000_000_000 / 1_000_000)
    default: return noOverload(arguments)
    }
  }
}
