import FlowVerify
import Glibc

/// A solver that runs as a program and reads SMT-LIB 2 from its standard input, as `z3 -in` does.
///
/// An answer that takes too long, and a program that ends, count as unknown; the program is then started again for the
/// next question, a few times.
final class SolverProcess: PathSolver {
  private let path: String
  private let arguments: [String]
  private let milliseconds: Int32
  private var process: Running?
  private var restarts = 0

  private struct Running {
    var id: pid_t
    var input: Int32
    var output: Int32
  }

  /// The number of times that the program is started again.
  private static let maximumRestarts = 20

  /// - Parameter milliseconds: The time for one question.
  init(path: String, milliseconds: Int32 = 500) {
    self.path = path
    self.milliseconds = milliseconds
    arguments = path.split(separator: "/").last?.contains("cvc5") == true ? ["--incremental", "--lang=smt2"] : ["-in"]
  }

  deinit { stop() }

  /// The solver of a name or a path, or the first one that is installed; nil when none exists.
  static func find(_ name: String?) -> SolverProcess? {
    for candidate in name.map({ [$0] }) ?? ["z3", "cvc5"] {
      if candidate.contains("/") {
        if access(candidate, X_OK) == 0 { return SolverProcess(path: candidate) }
        continue
      }
      for folder in (Terminal.variable("PATH") ?? "/usr/bin:/bin").split(separator: ":") {
        let path = "\(folder)/\(candidate)"
        if access(path, X_OK) == 0 { return SolverProcess(path: path) }
      }
    }
    return nil
  }

  func check(_ script: String) -> SolverAnswer {
    guard let process = process ?? start() else { return .unknown }
    guard write("(push 1)\n\(script)\n(check-sat)\n(pop 1)\n", to: process.input), let answer = readLine(process.output)
    else {
      stop()
      return .unknown
    }
    switch answer {
    case "sat": return .satisfiable
    case "unsat": return .unsatisfiable
    case "unknown": return .unknown
    default:
      // A message of the solver leaves the conversation out of step.
      stop()
      return .unknown
    }
  }

  func interpretation(of script: String) -> String? {
    guard path.split(separator: "/").last?.contains("z3") == true,
      let running = launch(["-in", "-T:\(SolverProcess.clauseSeconds)"])
    else { return nil }
    let text = "(set-logic HORN)\n\(script)\n(check-sat)\n(get-model)\n(exit)\n"
    let isWritten = write(text, to: running.input)
    close(running.input)
    let deadline = Int32(SolverProcess.clauseSeconds + 1) * 1000
    let answer = isWritten ? readAll(running.output, milliseconds: deadline) : ""
    close(running.output)
    end(running.id)
    return answer.hasPrefix("sat\n") ? String(answer.dropFirst(4)) : nil
  }

  /// The time for Horn clauses.
  private static let clauseSeconds = 10

  // MARK: - The program

  private func start() -> Running? {
    guard restarts <= SolverProcess.maximumRestarts else { return nil }
    restarts += 1
    guard let made = launch(arguments) else { return nil }
    process = made
    _ = write("(set-logic ALL)\n(set-option :print-success false)\n", to: made.input)
    return made
  }

  private func launch(_ arguments: [String]) -> Running? {
    var input: [Int32] = [0, 0]
    var output: [Int32] = [0, 0]
    guard pipe(&input) == 0 else { return nil }
    guard pipe(&output) == 0 else {
      for descriptor in input { close(descriptor) }
      return nil
    }
    for descriptor in input + output { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var id: pid_t = 0
    let problem = posix_spawn(&id, path, &actions, nil, &words, environ)
    close(input[0])
    close(output[1])
    guard problem == 0 else {
      close(input[1])
      close(output[0])
      return nil
    }
    return Running(id: id, input: input[1], output: output[0])
  }

  private func stop() {
    guard let process else { return }
    close(process.input)
    close(process.output)
    end(process.id)
    self.process = nil
  }

  private func end(_ id: pid_t) {
    kill(id, SIGKILL)
    var status: Int32 = 0
    waitpid(id, &status, 0)
  }

  private func write(_ text: String, to descriptor: Int32) -> Bool {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      bytes = bytes.dropFirst(count)
    }
    return true
  }

  /// Everything that the program prints until it ends, or until it is silent for too long.
  private func readAll(_ descriptor: Int32, milliseconds: Int32) -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&request, 1, milliseconds) == 1 else { break }
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// A line of the answer; nil when it takes too long or the program has ended.
  private func readLine(_ descriptor: Int32) -> String? {
    var line: [UInt8] = []
    while true {
      var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&request, 1, milliseconds) == 1 else { return nil }
      var byte: UInt8 = 0
      guard read(descriptor, &byte, 1) == 1 else { return nil }
      if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
      line.append(byte)
    }
  }
}
