import FlowRuntime
import Foundation
import Synchronization

/// Runs programs, each monitored by its own thread.
final class ProgramRunner: Sendable {
  /// The maximum number of concurrent programs; further ones are queued.
  static let maximumPrograms = 16

  /// The delay before a program is started again after a transient failure to start it.
  static let pauseMilliseconds: Int64 = 500

  typealias Finish = @Sendable (JobOutcome) -> Void

  private struct State {
    var waiting: [(request: JobRequest, finish: Finish)] = []
    var running: [Int: RunningProgram] = [:]
    var threads = 0
    var number = 0
    var isStopped = false
  }

  private let settings: ActionSettings
  private let state = Mutex(State())

  init(_ settings: ActionSettings) { self.settings = settings }

  func run(_ request: JobRequest, _ finish: @escaping Finish) {
    let (isStopped, needsThread) = state.withLock { state in
      guard !state.isStopped else { return (true, false) }
      state.waiting.append((request, finish))
      guard state.threads < ProgramRunner.maximumPrograms else { return (false, false) }
      state.threads += 1
      return (false, true)
    }
    if isStopped { return finish(.unreachable("the process is shutting down")) }
    guard needsThread else { return }
    let thread = Thread { [self] in work() }
    thread.name = "flow-exec"
    thread.start()
  }

  /// Kills running programs and ends queued jobs as unreachable.
  func stop() {
    let (waiting, running) = state.withLock { state in
      state.isStopped = true
      defer { state.waiting = [] }
      return (state.waiting, Array(state.running.values))
    }
    for program in running { program.kill() }
    for (_, finish) in waiting { finish(.unreachable("the process is shutting down")) }
  }

  // MARK: - On a thread

  private func work() {
    // A program that does not read its input must not end this process.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    while let (request, finish) = next() { finish(outcome(of: request)) }
  }

  private func next() -> (JobRequest, Finish)? {
    state.withLock { state in
      guard !state.waiting.isEmpty else {
        state.threads -= 1
        return nil
      }
      return state.waiting.removeFirst()
    }
  }

  private func outcome(of request: JobRequest) -> JobOutcome {
    let outgoing: OutgoingProgram
    do throws(RequestProblem) {
      outgoing = try OutgoingProgram(request, folder: settings.programs, environment: settings.environment)
    } catch {
      return .impossible(code: "BAD_REQUEST", message: error.message)
    }
    do throws(RunningProgram.NotStarted) {
      return outcome(of: request, try RunningProgram(outgoing), outgoing.input)
    } catch {
      return error.isTransient
        ? .postponed(ProgramRunner.pauseMilliseconds) : .impossible(code: "BAD_REQUEST", message: error.message)
    }
  }

  private func outcome(of request: JobRequest, _ program: RunningProgram, _ input: [UInt8]) -> JobOutcome {
    let number = state.withLock { state -> Int? in
      guard !state.isStopped else { return nil }
      state.number += 1
      state.running[state.number] = program
      return state.number
    }
    guard let number else {
      program.end()
      return .unreachable("the process is shutting down")
    }
    let isInTime = program.watch(for: request.timeoutMilliseconds, input: input)
    _ = state.withLock { $0.running.removeValue(forKey: number) }
    return program.outcome(request, isInTime: isInTime)
  }
}
