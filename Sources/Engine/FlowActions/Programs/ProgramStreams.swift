import CSpawn
import Foundation
import Glibc

/// The standard streams of a program.
struct ProgramStreams {
  /// The maximum size of standard output, in bytes.
  static let maximumOutput = 1 << 20
  /// The maximum number of bytes kept of standard error.
  static let maximumComplaint = 1 << 14

  /// The parent's ends of the pipes; -1 when they are closed.
  var input: Int32
  var output: Int32
  var errors: Int32
  private var written = 0
  private(set) var result: [UInt8] = []
  private(set) var complaint: [UInt8] = []
  private(set) var isTooLong = false

  init(input: Int32, output: Int32, errors: Int32) {
    self.input = input
    self.output = output
    self.errors = errors
  }

  /// Writes as much of the input as the pipe accepts now.
  mutating func feed(_ bytes: [UInt8]) {
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
      if count < 0, errno == EAGAIN || errno == EINTR { return }
      // A program may close its input before it has read all of it.
      if count <= 0 { break }
      written += count
    }
    close(input)
    input = -1
  }

  /// Reads the available output.
  mutating func listen() {
    isTooLong = !drain(&output, into: &result, atMost: ProgramStreams.maximumOutput) || isTooLong
    _ = drain(&errors, into: &complaint, atMost: ProgramStreams.maximumComplaint)
  }

  /// Reads the available bytes; those beyond the maximum are discarded.
  /// - Returns: False if bytes were discarded.
  private func drain(_ descriptor: inout Int32, into bytes: inout [UInt8], atMost maximum: Int) -> Bool {
    guard descriptor >= 0 else { return true }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    var isWhole = true
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count > 0 {
        let room = max(maximum - bytes.count, 0)
        bytes += buffer.prefix(min(count, room))
        isWhole = isWhole && count <= room
        // For a program that never stops writing, the limits are checked between two reads.
        if !isWhole { return false }
        continue
      }
      if count < 0, errno == EINTR { continue }
      if count == 0 || errno != EAGAIN {
        close(descriptor)
        descriptor = -1
      }
      return isWhole
    }
  }
}

/// The two ends of a pipe, neither of which is inherited by other programs.
struct ProgramPipe {
  var reading: Int32
  var writing: Int32

  func close() {
    for end in [reading, writing] { _ = Glibc.close(end) }
  }

  static func make() -> ProgramPipe? {
    var ends: [Int32] = [-1, -1]
    guard flow_pipe(&ends) == 0 else { return nil }
    return ProgramPipe(reading: ends[0], writing: ends[1])
  }
}
