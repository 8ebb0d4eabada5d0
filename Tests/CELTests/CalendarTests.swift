import CEL
import FlowSource
import Testing

/// The functions of the calendar. The values are those of Python's `zoneinfo`, except that a local time that a clock
/// change skips is the first instant after the gap.
@Suite struct CalendarTests {
  private func value(_ text: String) -> String {
    let (parsed, mistakes) = parse(text)
    let checked = Environment().check(parsed)
    guard mistakes.isEmpty, let tree = checked.expression, !checked.diagnostics.hasErrors,
      let code = try? ExpressionProgram(tree, types: TypeRegistry())
    else { return checked.diagnostics.first?.message ?? "not checked" }
    let evaluator = Evaluator(types: TypeRegistry())
    do { return "\(evaluator.value(try evaluator.evaluate(code, frame: Frame(count: 0)), as: tree.type))" } catch {
      return error.message
    }
  }

  @Test(
    "calendar arithmetic keeps the local time",
    arguments: [
      ("add_months(timestamp('2026-01-31T10:00:00Z'), 1, 'UTC')", "2026-02-28T10:00:00Z"),
      ("add_months(timestamp('2024-02-29T10:00:00Z'), 12, 'UTC')", "2025-02-28T10:00:00Z"),
      ("add_months(timestamp('2026-03-31T10:00:00Z'), -13, 'UTC')", "2025-02-28T10:00:00Z"),
      ("add_months(timestamp('2026-02-28T08:30:00Z'), 1, 'Europe/Berlin')", "2026-03-28T08:30:00Z"),
      ("add_months(timestamp('2026-03-15T08:30:00Z'), 1, 'Europe/Berlin')", "2026-04-15T07:30:00Z"),
      ("add_days(timestamp('2026-03-28T01:30:00Z'), 1, 'Europe/Berlin')", "2026-03-29T01:00:00Z"),
      ("add_days(timestamp('2026-03-28T08:00:00Z'), 1, 'Europe/Berlin')", "2026-03-29T07:00:00Z"),
      ("add_days(timestamp('2026-01-01T00:00:00Z'), -1, 'UTC')", "2025-12-31T00:00:00Z"),
      ("start_of(timestamp('2026-03-29T10:20:30.5Z'), 'day', 'Europe/Berlin')", "2026-03-28T23:00:00Z"),
      ("start_of(timestamp('2026-03-29T10:20:30.5Z'), 'hour', 'UTC')", "2026-03-29T10:00:00Z"),
      ("start_of(timestamp('2026-03-29T10:20:30Z'), 'week', 'UTC')", "2026-03-23T00:00:00Z"),
      ("start_of(timestamp('2026-03-31T23:30:00Z'), 'month', 'Europe/Berlin')", "2026-03-31T22:00:00Z"),
      ("start_of(timestamp('2026-05-05T00:00:00Z'), 'quarter', 'UTC')", "2026-04-01T00:00:00Z"),
      ("start_of(timestamp('2026-05-05T00:00:00Z'), 'year', 'America/New_York')", "2026-01-01T05:00:00Z"),
      ("workday(timestamp('2026-12-24T09:00:00Z'), 1, ['2026-12-25'], 'UTC')", "2026-12-28T09:00:00Z"),
      ("workday(timestamp('2026-12-26T09:00:00Z'), 0, [], 'UTC')", "2026-12-28T09:00:00Z"),
      ("workday(timestamp('2026-12-28T09:00:00Z'), -1, ['2026-12-25'], 'UTC')", "2026-12-24T09:00:00Z"),
      ("workday(timestamp('2026-03-27T09:00:00Z'), 1, [], 'Europe/Berlin')", "2026-03-30T08:00:00Z"),
      ("start_of(timestamp('2026-11-01T05:30:00Z'), 'hour', 'America/New_York')", "2026-11-01T05:00:00Z"),
      ("start_of(timestamp('2026-11-01T06:30:00Z'), 'hour', 'America/New_York')", "2026-11-01T06:00:00Z"),
      ("start_of(timestamp('2026-10-25T01:59:00Z'), 'hour', 'Europe/Berlin')", "2026-10-25T01:00:00Z"),
      ("start_of(timestamp('2026-04-04T15:15:00Z'), 'hour', 'Australia/Lord_Howe')", "2026-04-04T14:00:00Z"),
      ("start_of(timestamp('2026-10-03T15:40:00Z'), 'hour', 'Australia/Lord_Howe')", "2026-10-03T15:30:00Z"),
      ("start_of(timestamp('2026-11-01T05:30:00Z'), 'day', 'America/Havana')", "2026-11-01T04:00:00Z"),
      ("add_days(timestamp('2026-10-25T01:30:00Z'), 0, 'Europe/Berlin')", "2026-10-25T01:30:00Z"),
      ("add_days(timestamp('2026-10-25T00:30:00Z'), 0, 'Europe/Berlin')", "2026-10-25T00:30:00Z"),
      ("add_days(timestamp('2026-10-24T00:30:00Z'), 1, 'Europe/Berlin')", "2026-10-25T00:30:00Z"),
      ("add_days(timestamp('2026-10-26T01:30:00Z'), -1, 'Europe/Berlin')", "2026-10-25T01:30:00Z"),
      ("add_months(timestamp('2026-10-25T01:30:00Z'), 0, 'Europe/Berlin')", "2026-10-25T01:30:00Z"),
      ("workday(timestamp('2026-10-25T01:30:00Z'), 0, [], 'Europe/Berlin')", "2026-10-26T01:30:00Z"),
      ("timestamp('2026-01-01T00:00:00Z') + days(2) + hours(-3)", "2026-01-02T21:00:00Z"),
    ])
  func arithmetic(_ text: String, _ expected: String) {
    #expect(value("string(\(text))").contains(expected), "\(value("string(\(text))"))")
  }

  @Test(
    "an instant is formatted in a zone",
    arguments: [
      ("yyyy-MM-dd HH:mm:ss.SSS", "2026-07-04 09:05:06.070"), ("d.M.yy", "4.7.26"), ("H'h'mm", "9h05"),
      ("yyyyMMdd'T'HHmm", "20260704T0905"), ("dd/MM ''", "04/07 '"),
    ])
  func formats(_ pattern: String, _ expected: String) {
    let found = value("format(timestamp('2026-07-04T07:05:06.07Z'), \"\(pattern)\", 'Europe/Berlin')")
    #expect(found.replacing("\\'", with: "'").contains(expected), "\(found)")
  }

  @Test(
    "wrong arguments are errors",
    arguments: [
      ("start_of(timestamp(0), 'fortnight', 'UTC')", "is not a unit"),
      ("format(timestamp(0), 'YYYY', 'UTC')", "is not a format"),
      ("format(timestamp(0), \"yyyy 'a\", 'UTC')", "is not a format"),
      ("workday(timestamp(0), 1, ['2026-02-30'], 'UTC')", "is not a date"),
      ("add_days(timestamp(0), 1, 'Mars/Base')", "there is no time zone"),
      ("add_days(timestamp(0), 1, '')", "there is no time zone \"\""),
      ("format(timestamp(0), 'yyyy', '')", "there is no time zone \"\""),
      ("workday(timestamp(0), 1, [], '')", "there is no time zone \"\""),
      ("next_local(timestamp(0), '09:00', '')", "there is no time zone \"\""),
      ("timestamp(0).getHours('')", "there is no time zone \"\""),
      ("add_months(timestamp(0), 9000000, 'UTC')", "out of range"),
      ("add_months(timestamp(0), 100000, 'UTC')", "out of range"), ("days(9223372036854775807)", "out of range"),
    ])
  func faults(_ text: String, _ message: String) {
    #expect(value(text).contains(message), "\(value(text))")
  }
}
