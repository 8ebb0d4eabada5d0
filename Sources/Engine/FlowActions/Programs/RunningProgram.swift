import CSpawn
import FlowJSON
import FlowRuntime
import Foundation
import Synchronization

/// A started program. It and its child processes are killed at its timeout.
final class RunningProgram: Sendable {
  private let process: pid_t
  private let descriptor: Int32
  private let streams: Mutex<ProgramStreams>
  /// True after the process was reaped; its process id may then belong to another process.
  private let isOver = Mutex(false)

  /// The failure to start a program, by `errno`.
  struct NotStarted: Error {
    var problem: Int32

    var message: String { "the program can't be started: \(String(cString: strerror(problem)))" }

    /// True if the failure is transient: resources are exhausted, or the file is being written.
    var isTransient: Bool { [EAGAIN, ENOMEM, EMFILE, ENFILE, ETXTBSY].contains(problem) }
  }

  init(_ program: OutgoingProgram) throws(NotStarted) {
    let pipes = [ProgramPipe.make(), ProgramPipe.make(), ProgramPipe.make()].compactMap { $0 }
    guard pipes.count == 3 else {
      for pipe in pipes { pipe.close() }
      throw NotStarted(problem: EMFILE)
    }
    let (input, output, errors) = (pipes[0], pipes[1], pipes[2])
    var process: pid_t = 0
    let problem = RunningProgram.withCStrings(program.arguments) { arguments in
      RunningProgram.withCStrings(program.environment) { environment in
        flow_spawn(
          &process, program.path, arguments, environment, program.folder, input.reading, output.writing, errors.writing)
      }
    }
    for end in [input.reading, output.writing, errors.writing] { close(end) }
    guard problem == 0 else {
      for end in [input.writing, output.reading, errors.reading] { close(end) }
      throw NotStarted(problem: problem)
    }
    self.process = process
    descriptor = flow_process_descriptor(process)
    for end in [input.writing, output.reading, errors.reading] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    streams = Mutex(ProgramStreams(input: input.writing, output: output.reading, errors: errors.reading))
  }

  /// Kills the program and its child processes.
  func kill() {
    isOver.withLock { isOver in
      if !isOver { _ = Glibc.kill(-process, SIGKILL) }
    }
  }

  /// Writes its input and reads its output until it has ended.
  /// - Returns: False when it was killed at its timeout.
  func watch(for milliseconds: Int64, input: [UInt8]) -> Bool {
    streams.withLock { streams in
      let end = DispatchTime.now().uptimeNanoseconds / 1_000_000 + UInt64(clamping: milliseconds)
      while true {
        let now = DispatchTime.now().uptimeNanoseconds / 1_000_000
        guard now < end else { return false }
        if streams.isTooLong { return true }
        // Without a descriptor for its end, the status is polled.
        let wait = descriptor >= 0 ? Int32(clamping: end - now) : 20
        var polled = [
          pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
          pollfd(fd: streams.input, events: Int16(POLLOUT), revents: 0),
          pollfd(fd: streams.output, events: Int16(POLLIN), revents: 0),
          pollfd(fd: streams.errors, events: Int16(POLLIN), revents: 0),
        ]
        poll(&polled, nfds_t(polled.count), wait)
        if polled[1].revents != 0 { streams.feed(input) }
        streams.listen()
        if hasEnded() {
          streams.listen()
          return true
        }
      }
    }
  }

  /// True if the program has ended. Does not reap it, so that its process id is not reused.
  private func hasEnded() -> Bool {
    var information = siginfo_t()
    let result = waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT)
    return result != 0 || information.si_signo == SIGCHLD
  }

  /// Kills its remaining child processes, and reaps it.
  /// - Returns: The status of `waitpid`.
  @discardableResult
  func end() -> Int32 {
    kill()
    var status: Int32 = 0
    isOver.withLock { isOver in
      while waitpid(process, &status, 0) < 0, errno == EINTR {}
      isOver = true
    }
    streams.withLock { streams in
      for end in [streams.input, streams.output, streams.errors, descriptor] where end >= 0 { close(end) }
      streams.input = -1
    }
    return status
  }

  func outcome(_ request: JobRequest, isInTime: Bool) -> JobOutcome {
    let status = end()
    let (result, complaint, isTooLong) = streams.withLock { ($0.result, $0.complaint, $0.isTooLong) }
    if isTooLong {
      return .impossible(
        code: "ANSWER_TOO_LONG", message: "the program wrote more than \(ProgramStreams.maximumOutput) bytes")
    }
    guard isInTime else {
      return .unreachable("the program had not ended after \(request.timeoutMilliseconds) ms and was killed")
    }
    let signal = status & 0x7F
    let code = (status >> 8) & 0xFF
    if signal == 0, code == 0 { return .done(RunningProgram.value(result)) }
    let said = complaint.isEmpty ? "" : ": \(request.shown(complaint))"
    if signal != 0 { return .failed(code: "SIGNAL_\(signal)", message: "a signal ended the program" + said) }
    return .reply(Int(code), of: .program, isTransient: true, message: "the program ended with \(code)" + said)
  }

  /// The standard output as JSON if it is valid JSON, otherwise as text.
  private static func value(_ bytes: [UInt8]) -> JSON {
    let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    if text.isEmpty { return .null }
    return (try? JSON(parsing: Array(text.utf8))) ?? .string(text)
  }

  private static func withCStrings<Result>(
    _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    var pointers = texts.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    pointers.append(nil)
    return pointers.withUnsafeBufferPointer { buffer in
      var none: UnsafeMutablePointer<CChar>?
      return withUnsafePointer(to: &none) { body(buffer.baseAddress ?? $0) }
    }
  }
}
