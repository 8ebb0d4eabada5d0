import Glibc

/// The protocol of systemd: inherited sockets, readiness, watchdog.
enum Systemd {
  /// The first inherited descriptor (sd_listen_fds(3)).
  private static let firstDescriptor: Int32 = 3

  /// The inherited socket, once; nil without one.
  static func inheritedListener() -> Int32? {
    let isOurs = Terminal.variable("LISTEN_PID").flatMap { Int32($0) } == getpid()
    let count = Terminal.variable("LISTEN_FDS").flatMap { Int($0) } ?? 0
    for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) }
    return isOurs && count == 1 ? firstDescriptor : nil
  }

  /// Sends a line such as `READY=1` (sd_notify(3)); does nothing without a service manager.
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
      // An abstract name starts with a zero byte, which is written as `@` in the variable.
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

  /// The interval of watchdog notifications, in milliseconds: half of the timeout.
  static var watchdogMilliseconds: Int? {
    if let pid = Terminal.variable("WATCHDOG_PID"), Int32(pid) != getpid() { return nil }
    return Terminal.variable("WATCHDOG_USEC").flatMap { Int($0) }.map { max(1, $0 / 2000) }
  }
}
