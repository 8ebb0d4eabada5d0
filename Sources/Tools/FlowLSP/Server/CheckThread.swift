import Dispatch
import FlowCompiler
import FlowDiagnostics
import FlowIDE
import FlowSource
import Foundation
import Synchronization

/// The result of a check of programs that share files.
struct CheckResult: Sendable {
  var generation: Int
  var programs: [ProgramAnalysis]
  /// The files of the programs, by path.
  var files: [String]
  var findings: [Finding]
  /// Milliseconds.
  var duration: Double
}

/// Programs to check: the texts are those of one moment.
struct CheckJob: Sendable {
  var generation: Int
  var roots: [String]
  /// The texts of the open documents, by path.
  var open: [String: [UInt8]]

  /// Checks the programs.
  /// - Parameter isOutdated: Asked before each file; true ends the check.
  /// - Returns: The result; nil when the job is outdated.
  func run(host: LanguageServerHost, isOutdated: @escaping @Sendable () -> Bool = { false }) -> CheckResult? {
    let start = DispatchTime.now().uptimeNanoseconds
    let (programs, compilation) = analyze(roots: roots) { path in
      isOutdated() ? nil : open[path] ?? host.readFile(path)
    }
    guard !isOutdated() else { return nil }
    let files = compilation.sources.files.map(\.name)
    let reported = compilation.filtered(by: host.selection(files))
    let end = DispatchTime.now().uptimeNanoseconds
    return CheckResult(
      generation: generation, programs: programs, files: files,
      findings: reported.map { Finding($0, in: compilation.sources) }, duration: Double(end - start) / 1e6)
  }
}

/// Checks programs on a thread of its own, after a pause in typing; only the newest job of each program counts.
final class CheckThread: Sendable {
  /// The pause after a change before its check, in milliseconds.
  static let pause = 60

  private struct State {
    /// The jobs by their first root.
    var jobs: [String: CheckJob] = [:]
    var newest = 0
    var isClosed = false
  }

  private let host: LanguageServerHost
  private let queue: MessageQueue
  private let state = Mutex(State())
  private let ready = DispatchSemaphore(value: 0)

  init(host: LanguageServerHost, queue: MessageQueue) {
    self.host = host
    self.queue = queue
  }

  func start() {
    let thread = Thread { self.run() }
    thread.name = "check"
    thread.stackSize = 8 << 20
    thread.start()
  }

  func add(_ job: CheckJob) {
    state.withLock { state in
      state.jobs[job.roots.first ?? ""] = job
      state.newest = max(state.newest, job.generation)
    }
    ready.signal()
  }

  func close() {
    state.withLock { $0.isClosed = true }
    ready.signal()
  }

  private func run() {
    while true {
      ready.wait()
      // Further changes within the pause make it begin again.
      while ready.wait(timeout: .now() + .milliseconds(CheckThread.pause)) == .success {}
      let (jobs, isClosed) = state.withLock { state in
        defer { state.jobs = [:] }
        return (state.jobs.values.sorted { $0.generation < $1.generation }, state.isClosed)
      }
      if isClosed { return }
      for job in jobs { perform(job) }
    }
  }

  private func perform(_ job: CheckJob) {
    let root = job.roots.first ?? ""
    let result = job.run(host: host) { self.state.withLock { $0.isClosed || $0.jobs[root] != nil } }
    if let result { queue.append(.checked(result)) }
  }
}
