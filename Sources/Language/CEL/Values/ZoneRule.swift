/// A zone's rule in POSIX notation, such as `CET-1CEST,M3.5.0,M10.5.0/3`.
struct ZoneRule: Sendable {
  /// Seconds east of UTC.
  private var standard = 0
  private var summer: Summer?

  private struct Summer: Sendable {
    var offset: Int
    var start: Day
    var end: Day
  }

  /// A day of any year with a time of day, which may be several days away.
  private struct Day: Sendable {
    enum Kind: Sendable {
      /// From 1, February 29 never counted.
      case julian(Int)
      /// From 0.
      case dayOfYear(Int)
      case week(month: Int, week: Int, day: Int)
    }

    var kind: Kind
    var seconds = 7200
  }

  private var text: ArraySlice<UInt8> = []

  init?(_ text: [UInt8]) {
    self.text = text[...]
    guard !text.isEmpty, skipName(), let west = time() else { return nil }
    standard = -west
    guard !self.text.isEmpty else { return }
    guard skipName() else { return nil }
    var offset = standard + 3600
    if self.text.first != UInt8(ascii: ",") {
      guard let west = time() else { return nil }
      offset = -west
    }
    guard let start = day(), let end = day() else { return nil }
    summer = Summer(offset: offset, start: start, end: end)
  }

  func offset(at seconds: Int64) -> Int {
    guard let summer else { return standard }
    let year = CivilTime(Timestamp(seconds: seconds), offsetSeconds: standard).year
    let start = instant(summer.start, year, before: standard)
    let end = instant(summer.end, year, before: summer.offset)
    let isSummer = start < end ? seconds >= start && seconds < end : !(seconds >= end && seconds < start)
    return isSummer ? summer.offset : standard
  }

  private func instant(_ day: Day, _ year: Int, before offset: Int) -> Int64 {
    let first = CivilTime.daysSinceEpoch(year: year, month: 1, day: 1)
    let days: Int
    switch day.kind {
    case .julian(let number): days = first + number - 1 + (CivilTime.isLeap(year) && number >= 60 ? 1 : 0)
    case .dayOfYear(let number): days = first + number
    case .week(let month, let week, let weekday):
      let start = CivilTime.daysSinceEpoch(year: year, month: month, day: 1)
      let shift = (weekday - (start % 7 + 11) % 7 + 7) % 7
      var date = 1 + shift + (week - 1) * 7
      while date > CivilTime.days(inMonth: month, of: year) { date -= 7 }
      days = start + date - 1
    }
    return Int64(days) * 86_400 + Int64(day.seconds - offset)
  }

  // MARK: Reading

  private mutating func accept(_ wanted: Unicode.Scalar) -> Bool {
    guard text.first == UInt8(ascii: wanted) else { return false }
    text = text.dropFirst()
    return true
  }

  private mutating func skipName() -> Bool {
    if accept("<") {
      while let byte = text.first, byte != UInt8(ascii: ">") { text = text.dropFirst() }
      return accept(">")
    }
    let count = text.count
    text = text.drop { ($0 | 0x20) >= UInt8(ascii: "a") && ($0 | 0x20) <= UInt8(ascii: "z") }
    return text.count < count
  }

  private mutating func number() -> Int? {
    let digits = text.prefix { $0 >= 0x30 && $0 <= 0x39 }
    guard (1...4).contains(digits.count) else { return nil }
    text = text.dropFirst(digits.count)
    return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }

  /// `[+-]hh[:mm[:ss]]` in seconds.
  private mutating func time() -> Int? {
    let isNegative = accept("-")
    if !isNegative { _ = accept("+") }
    guard var seconds = number().map({ $0 * 3600 }) else { return nil }
    for unit in [60, 1] where accept(":") {
      guard let part = number() else { return nil }
      seconds += part * unit
    }
    return isNegative ? -seconds : seconds
  }

  private mutating func day() -> Day? {
    guard accept(",") else { return nil }
    var day: Day
    if accept("M") {
      guard let month = number(), accept("."), let week = number(), accept("."), let weekday = number(),
        (1...12).contains(month), (1...5).contains(week), weekday < 7
      else { return nil }
      day = Day(kind: .week(month: month, week: week, day: weekday))
    } else if accept("J") {
      guard let number = number() else { return nil }
      day = Day(kind: .julian(number))
    } else {
      guard let number = number() else { return nil }
      day = Day(kind: .dayOfYear(number))
    }
    if accept("/") {
      guard let time = time() else { return nil }
      day.seconds = time
    }
    return day
  }
}
