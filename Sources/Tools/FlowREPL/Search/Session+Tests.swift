import FlowIR
import FlowMachine
import FlowTesting

// The tests of the loaded files.
extension Session {
  /// Runs the tests whose name contains a text, or all. The instances of the session do not change.
  func runTests(_ text: String) -> Reply {
    guard let machine else { return notLoaded }
    let selected = tests.filter { text.isEmpty || $0.name.contains(text) }
    guard !selected.isEmpty else {
      return failure(tests.isEmpty ? "\(path) has no tests" : "no test has `\(text)` in its name")
    }
    do throws(ProgramError) {
      let runner = try TestRunner(machine.program, style: style)
      let reports = selected.map { runner.run($0) }
      let hasFailed = reports.contains { !$0.hasPassed }
      var reply = Reply(text: renderPretty(reports, style: style).trimmed, isError: hasFailed)
      reply.result = renderJSON(reports)
      return reply
    } catch {
      return failure(error.message)
    }
  }
}
