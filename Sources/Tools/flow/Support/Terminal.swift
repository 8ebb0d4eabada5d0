import FlowDiagnostics
import FlowJSON
import FlowRuntime
import Glibc
import Synchronization

/// Standard output for results, and standard error for everything else.
enum Terminal {
  /// The format of messages on standard error.
  enum MessageFormat {
    /// For people.
    case text
    /// Each message is a line of JSON, like those of the log of a server.
    case json
  }

  private static let messageFormat = Mutex(MessageFormat.text)

  /// Sets the format of all further messages.
  static func setMessageFormat(_ format: MessageFormat) { messageFormat.withLock { $0 = format } }

  /// True if messages are lines of JSON.
  static var writesJSON: Bool { messageFormat.withLock { $0 == .json } }

  /// Writes text to standard output.
  static func output(_ text: String) { write(text, to: STDOUT_FILENO) }

  /// Writes text to standard error.
  static func errorOutput(_ text: String) { write(text, to: STDERR_FILENO) }

  /// Writes `error: message`, and a line with the help, to standard error.
  static func error(_ message: String, help: String? = nil) {
    guard !writesJSON else {
      return logLine(level: "error", message, fields: help.map { [.init("help", .string($0))] } ?? [])
    }
    errorOutput("\(errorStyle.paint("error", .red)): \(message)\n" + (help.map { "  help: \($0)\n" } ?? ""))
  }

  /// Writes a line of JSON to standard error, in the form of the log of a server.
  static func logLine(level: String, _ message: String, fields: [JSON.Member]) {
    let members: [JSON.Member] = [
      .init("ts", .string(timeText(currentMilliseconds()))), .init("level", .string(level)),
      .init("msg", .string(message)),
    ]
    errorOutput(JSON.object(members + fields).text() + "\n")
  }

  static var outputStyle: TerminalStyle { style(of: STDOUT_FILENO) }
  static var errorStyle: TerminalStyle { style(of: STDERR_FILENO) }

  static var isInputTerminal: Bool { isatty(STDIN_FILENO) == 1 }
  static var isOutputTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  /// Colored on a terminal, unless `NO_COLOR` is set or the terminal is dumb. `FORCE_COLOR` and `CLICOLOR_FORCE`
  /// color other outputs as well.
  private static func style(of descriptor: Int32) -> TerminalStyle {
    if let none = variable("NO_COLOR"), !none.isEmpty { return .plain }
    for force in ["FORCE_COLOR", "CLICOLOR_FORCE"] {
      if let value = variable(force), !value.isEmpty, value != "0" { return .coloured }
    }
    return isatty(descriptor) == 1 && variable("TERM") != "dumb" ? .coloured : .plain
  }

  /// A variable of the environment; nil when it is not set.
  static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  private static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}

/// Ends the process.
func exitProcess(_ code: Int32) -> Never { exit(code) }

/// The contents of a file; nil when it can't be read. `-` is standard input.
func readFile(_ path: String) -> [UInt8]? {
  let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY)
  guard descriptor >= 0 else { return nil }
  defer { if path != "-" { close(descriptor) } }
  var contents: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(descriptor, &buffer, buffer.count)
    if count < 0, errno == EINTR { continue }
    guard count >= 0 else { return nil }
    if count == 0 { return contents }
    contents += buffer[..<count]
  }
}

/// The longest Flow source that is read, in bytes.
private let maximumSourceBytes = 16 << 20

/// Reads a Flow source: a regular file of 16 MiB at most, standard input for `-`, or an inherited descriptor under
/// `/dev/fd`. Nil for anything else, such as a device, so that an import cannot block or exhaust memory.
func readSource(_ path: String) -> [UInt8]? {
  if path != "-", !path.hasPrefix("/dev/fd/"), path != "/dev/stdin" {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= maximumSourceBytes else {
      return nil
    }
  }
  return readFile(path)
}

/// Writes a file; false when it could not be written.
func writeFile(_ path: String, _ contents: [UInt8]) -> Bool {
  guard let file = fopen(path, "wb") else { return false }
  let count = fwrite(contents, 1, contents.count, file)
  return fclose(file) == 0 && count == contents.count
}

/// The time of the system clock, in milliseconds since 1970.
func currentMilliseconds() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}
