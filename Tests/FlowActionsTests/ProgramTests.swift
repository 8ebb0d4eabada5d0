import FlowIR
import FlowJSON
import FlowRuntime
import FlowTestSupport
import Foundation
import Testing

@testable import FlowActions
@testable import FlowMachine

/// Programs as actions: input, output and termination.
@Suite("Programs") struct ProgramTests {
  private let scratch: TestFolder
  private let folder: URL
  private var outside: URL { scratch.url }

  init() throws {
    scratch = try TestFolder()
    folder = scratch.url.appending(path: "allowed")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  @discardableResult
  private func write(_ name: String, _ script: String, mode: Int = 0o755) throws -> URL {
    let file = folder.appending(path: name)
    try ("#!/bin/sh\n" + script).write(to: file, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path)
    return file
  }

  private func run(
    _ program: String, _ arguments: [String] = [], input: JSON = .null, timeout: Int64 = 20_000
  ) async -> JobOutcome {
    let settings = ActionSettings(
      programs: folder.path, environment: ["PATH": "/usr/bin:/bin", "HOME": "/nowhere"])
    let action = BoundAction.other(
      kind: .exec,
      settings: ["program": .string(program), "args": .array(arguments.map { .string($0) }), "input": input])
    let runner = BindingRunner(settings: settings, log: { _ in })
    return await settled(action, by: runner, timeout: timeout)
  }

  /// A new executable may be busy while a process started by another test still has it open; then the run is repeated.
  private func settled(_ action: BoundAction, by runner: BindingRunner, timeout: Int64 = 20_000) async -> JobOutcome {
    while true {
      let result = await outcome(of: action, by: runner, timeout: timeout, key: "Order/7")
      guard case .postponed(let wait) = result else { return result }
      try? await Task.sleep(for: .milliseconds(wait))
    }
  }

  @Test("a program receives its arguments and input, and a minimal environment") func environment() async throws {
    try write(
      "show",
      """
      printf '{"arguments": %s, "first": "%s", "input": %s, "open": "%s", "variables": "%s", "folder": "%s"}' \\
        $# "$1" "$(cat)" "$(ls /proc/self/fd | tr '\\n' ' ')" \\
        "$(env | sort | grep -v -e ^PWD= -e ^_= | tr '\\n' ' ')" \\
        "$(basename "$PWD")"
      """)
    let result = await run("show", ["$(id); 'x' *", "two"], input: ["a": "b c"])
    guard case .done(let json) = result else { return #expect(Bool(false), "\(result)") }
    #expect(json["arguments"] == 2 && json["first"] == "$(id); 'x' *" && json["input"] == ["a": "b c"])
    #expect(
      json["variables"] == "FLOW_IDEMPOTENCY_KEY=Order/7 HOME=/nowhere OLDPWD= PATH=/usr/bin:/bin "
        || json["variables"] == "FLOW_IDEMPOTENCY_KEY=Order/7 HOME=/nowhere PATH=/usr/bin:/bin ")
    #expect(json["open"] == "0 1 2 3 ", "descriptor 3 belongs to `ls` itself")
    #expect(json["folder"] == "allowed")
  }

  @Test(
    "the output of a program is its result",
    arguments: [
      ("echo '[1, 2]'", "[1,2]"), ("echo hello", #""hello""#), ("true", "null"), ("exit 0; cat", "null"),
      ("head -c 10 >/dev/null; echo 5", "5"),
    ])
  func result(_ script: String, _ expected: String) async throws {
    try write("p", script)
    let result = await run("p", input: .string(String(repeating: "x", count: 1 << 20)))
    guard case .done(let json) = result else { return #expect(Bool(false), "\(result)") }
    #expect(json.text() == expected)
  }

  @Test("the exit code and error output of a program are reported") func exitCode() async throws {
    try write("p", "echo out; echo 'no such order' >&2; exit 3")
    guard case .reply(3, of: .program, isTransient: true, let message) = await run("p") else {
      return #expect(Bool(false))
    }
    #expect(message == "the program ended with 3: no such order\n")
  }

  @Test("a program ended by a signal is a failure") func signal() async throws {
    try write("p", "kill -SEGV $$")
    guard case .failed("SIGNAL_11", _) = await run("p") else { return #expect(Bool(false)) }
  }

  @Test("the timeout ends a program and its children") func timeout() async throws {
    let note = outside.appending(path: "note")
    try write("p", "sleep 3600 & echo $! > \(note.path); trap '' TERM; sleep 3600")
    async let result = run("p", timeout: 1000)
    var child: Int32 = 0
    while child == 0 {
      try await Task.sleep(for: .milliseconds(10))
      child = (try? String(contentsOf: note, encoding: .utf8)).flatMap { Int32($0.dropLast()) } ?? 0
    }
    guard case .unreachable(let message) = await result else { return #expect(Bool(false)) }
    #expect(message.contains("1000 ms"))
    try await expectGone(child)
  }

  @Test("children that outlive a program are ended") func remainingChildren() async throws {
    try write("p", "sleep 3600 & echo $!")
    guard case .done(.int(let child)) = await run("p") else { return #expect(Bool(false)) }
    try await expectGone(Int32(child))
  }

  /// Expects that a process has ended, or is a zombie.
  private func expectGone(_ process: Int32) async throws {
    for _ in 0..<500 {
      let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
      if status == nil || status?.contains(") Z ") == true { return }
      try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("process \(process) still runs")
  }

  @Test("a result that is too long is a failure") func longResult() async throws {
    try write("p", "yes")
    guard case .impossible("ANSWER_TOO_LONG", _) = await run("p") else { return #expect(Bool(false)) }
  }

  @Test(
    "only executable files in the allowed folder are run",
    arguments: ["/bin/true", "../other", "..", ".", "", "missing", "link", "plain", "sub", "allowed/x", "p\0"])
  func invalidProgram(_ name: String) async throws {
    let other = outside.appending(path: "other")
    try "#!/bin/sh\n".write(to: other, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: other.path)
    try FileManager.default.createSymbolicLink(at: folder.appending(path: "link"), withDestinationURL: other)
    try FileManager.default.createDirectory(at: folder.appending(path: "sub"), withIntermediateDirectories: true)
    try write("plain", "", mode: 0o644)
    try write("p", "")
    guard case .impossible("BAD_REQUEST", let message) = await run(name) else { return #expect(Bool(false)) }
    #expect(message.contains("no program of that name"))
  }

  @Test("no program is run without --allow-exec") func disabled() async {
    let action = BoundAction.other(kind: .exec, settings: ["program": "true"])
    guard case .impossible("BAD_REQUEST", let message) = await outcome(of: action, by: BindingRunner(log: { _ in }))
    else {
      return #expect(Bool(false))
    }
    #expect(message.contains("--allow-exec"))
  }

  @Test("programs beyond the concurrency limit wait and complete") func concurrencyLimit() async throws {
    try write("p", "echo $1")
    let settings = ActionSettings(programs: folder.path, environment: ["PATH": "/usr/bin:/bin"])
    let runner = BindingRunner(settings: settings, log: { _ in })
    let count = ProgramRunner.maximumPrograms + 10
    let results = await withTaskGroup(of: JobOutcome.self) { group in
      for index in 0..<count {
        let action = BoundAction.other(
          kind: .exec, settings: ["program": "p", "args": [.string(String(index))]])
        group.addTask { await settled(action, by: runner) }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    let numbers = results.compactMap { if case .done(let json) = $0 { json.int } else { nil } }
    #expect(numbers.sorted() == Array(0..<count))
  }

  @Test("shutdown ends running programs") func shutdown() async throws {
    try write("p", "sleep 3600")
    let runner = BindingRunner(settings: ActionSettings(programs: folder.path), log: { _ in })
    let action = BoundAction.other(kind: .exec, settings: ["program": "p"])
    async let result = settled(action, by: runner, timeout: 100_000)
    try await Task.sleep(for: .milliseconds(200))
    // The program must end whether it has started by then or not.
    runner.shutdown()
    switch await result {
    case .unreachable, .failed("SIGNAL_9", _): break
    default: Issue.record("the program continued")
    }
  }
}
