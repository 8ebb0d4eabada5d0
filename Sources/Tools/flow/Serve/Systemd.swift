import Glibc

/// What a service manager and a service tell each other: sockets, readiness, signs of life.
enum Systemd {
  /// The first descriptor that is handed over (sd_listen_fds(3)).
  private static let firstDescriptor: Int32 = 3

  /// The socket that the manager has opened for us; nil when there is none.
  static func takeListener() -> Int32? {
    let isOurs = Terminal.variable("LISTEN_PID").flatMap { Int32($0) } == getpid()
    let count = Terminal.variable("LISTEN_FDS").flatMap { Int($0) } ?? 0
    for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) }
    return isOurs && count == 1 ? firstDescriptor : nil
  }

  /// Sends a line such as `READY=1` (sd_notify(3)); nobody listens when the manager did not ask for it.
  static func notify(_ line: String) {
    guard let path = Terminal.variable("NOTIFY_SOCKET"), let first = path.utf8.first, path.utf8.count < 108 else {
      return
    }
    let socket = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { return }
    defer { close(socket) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { bytes in
      bytes.copyBytes(from: path.utf8)
      // An abstract name begins with a zero, which a variable can't hold.
      if first == UInt8(ascii: "@") { bytes[0] = 0 }
    }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + path.utf8.count)
    let bytes = Array(line.utf8)
    _ = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, length)
      }
    }
  }

  /// How often the manager wants a sign of life, in milliseconds; half of what it waits for.
  static var watchdogMilliseconds: Int? {
    if let pid = Terminal.variable("WATCHDOG_PID"), Int32(pid) != getpid() { return nil }
    return Terminal.variable("WATCHDOG_USEC").flatMap { Int($0) }.map { max(1, $0 / 2000) }
  }
}
