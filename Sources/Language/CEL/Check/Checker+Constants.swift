import FlowSource

/// Faults of constant arguments that do not depend on the other arguments.
extension Checker {
  /// Reports a zero divisor, an invalid pattern, an unknown time zone.
  /// - Parameter isFolded: All arguments are constant, so that folding the call reports its faults.
  /// - Returns: False when the call must not be folded.
  mutating func checkConstants(_ builtin: Builtin, _ arguments: [TypedExpression], isFolded: Bool) -> Bool {
    switch builtin {
    case .divide, .modulo:
      if !isFolded, isZero(arguments.last?.constant) {
        reportConstant(builtin == .divide ? .divisionByZero : .modulusByZero, at: arguments[1].range)
      }
    case .matches, .regexExtract, .regexExtractAll, .regexReplace:
      return arguments.count < 2 || checkPattern(arguments[1], isFolded: isFolded)
    case .getFullYear, .getMonth, .getDate, .getDayOfMonth, .getDayOfWeek, .getDayOfYear, .getHours, .getMinutes,
      .getSeconds, .getMilliseconds:
      if !isFolded, arguments.count == 2 { checkZone(arguments[1]) }
    case .nextLocal:
      guard !isFolded, arguments.count == 3 else { return true }
      if case .string(let text)? = arguments[1].constant, Evaluator.secondsOfDay(text) == nil {
        reportConstant(
          .badTime("\"\(text.prefix(60))\" is not a time of day, such as \"09:00\""), at: arguments[1].range)
      }
      checkZone(arguments[2])
    case .addDays, .addMonths, .startOf, .workday, .format:
      // The zone is the last argument; a format of a list has no zone.
      if !isFolded, arguments.count > 2, let zone = arguments.last {
        checkZone(zone)
        checkCalendar(builtin, arguments[1])
      }
    default: break
    }
    return true
  }

  private func isZero(_ constant: Value?) -> Bool { constant == .int(0) || constant == .uint(0) }

  private mutating func checkZone(_ argument: TypedExpression) {
    guard case .string(let name)? = argument.constant, !TimeZones.isKnown(name) else { return }
    reportConstant(.unknownZone(name), at: argument.range, help: TimeZones.hint(for: name))
  }

  /// A unit of `start_of`, or the fields of a format.
  private mutating func checkCalendar(_ builtin: Builtin, _ argument: TypedExpression) {
    guard case .string(let text)? = argument.constant else { return }
    let name = "\"\(text.prefix(60))\""
    if builtin == .startOf, !Evaluator.units.contains(text) {
      let guess = Suggestion.closest(to: text, among: Evaluator.units, limit: 1).first
      reportConstant(
        .badTime("\(name) is not a unit: hour, day, week, month, quarter or year"), at: argument.range,
        help: guess.map { "change it to \"\($0)\"" })
    } else if builtin == .format, Evaluator.format(CivilTime(Timestamp(milliseconds: 0), offsetSeconds: 0), text) == nil
    {
      reportConstant(
        .badTime("\(name) is not a format, such as \"yyyy-MM-dd HH:mm\""), at: argument.range,
        help: "its fields are yyyy, yy, MM, dd, HH, mm, ss and SSS; other letters are written in single quotes")
    }
  }

  private mutating func reportConstant(_ fault: Fault, at range: SourceRange, help: String? = nil) {
    guard environment.reportsConstantFaults else { return }
    report(fault.code, message: fault.message, at: range, help: help)
  }

  // MARK: Patterns

  /// Compiles each constant pattern once, as long as all of them together are not too large.
  /// - Returns: False when the call must not be folded.
  private mutating func checkPattern(_ argument: TypedExpression, isFolded: Bool) -> Bool {
    guard case .string(var text)? = argument.constant, patterns[text] == nil else { return true }
    guard patternSize <= ProgramBuilder.maximumPatternSize else { return false }
    switch text.withUTF8({ CompiledPattern.compile($0) }) {
    case .success(let pattern):
      patterns[text] = pattern
      patternSize += pattern.programSize
      guard patternSize > ProgramBuilder.maximumPatternSize else { return true }
      report(
        "F207", message: "the patterns of this expression are too large together", at: argument.range,
        help: "repeat large classes such as `\\pL` less often")
      return false
    case .failure(let error):
      if !isFolded { reportConstant(.badPattern(error.reason), at: argument.range) }
      return true
    }
  }
}
