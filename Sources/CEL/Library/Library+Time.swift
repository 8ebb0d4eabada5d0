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
        return fail("there is no time zone \(arguments[1].literal)")
      }
      offset = found
    }
    return .int(Int64(part(arguments.builtin, CivilTime(a.asTimestamp, offsetSeconds: offset))))
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

  /// Hours, minutes and seconds are totals; milliseconds are what is left of the second.
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
