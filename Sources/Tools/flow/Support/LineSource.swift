import Glibc

/// Lines of a file or of standard input, read with a timeout.
final class LineSource {
  enum Event {
    case line([UInt8])
    case end
    /// No line arrived in time.
    case timeout
  }

  /// The maximum length of a line, in bytes; a longer line is split.
  static let maximumLength = 1 << 24

  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var scanned = 0
  private var isAtEnd = false

  /// Nil when the file can't be opened. `-` is standard input.
  init?(_ path: String) {
    descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { return nil }
    var status = stat()
    // A folder can be opened, but not read.
    if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return nil }
  }

  deinit { if descriptor != STDIN_FILENO { close(descriptor) } }

  /// The next line, without its line feed.
  /// - Parameter milliseconds: The timeout; nil waits indefinitely.
  func next(within milliseconds: Int64? = nil) -> Event {
    while true {
      if let line = buffered() { return .line(line) }
      if isAtEnd { return .end }
      if let milliseconds, !isReady(within: milliseconds) { return .timeout }
      fill()
    }
  }

  private func buffered() -> [UInt8]? {
    if let end = buffer[scanned...].firstIndex(of: 0x0A) {
      let line = Array(buffer[..<end])
      buffer.removeSubrange(...end)
      scanned = 0
      return line
    }
    scanned = buffer.count
    guard isAtEnd && !buffer.isEmpty || buffer.count > LineSource.maximumLength else { return nil }
    defer { buffer = [] }
    scanned = 0
    return buffer
  }

  private func isReady(within milliseconds: Int64) -> Bool {
    var one = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&one, 1, Int32(clamping: max(milliseconds, 0))) > 0
  }

  private func fill() {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(descriptor, &chunk, chunk.count)
    if count < 0, errno == EINTR { return }
    if count <= 0 { isAtEnd = true } else { buffer += chunk[..<count] }
  }
}
