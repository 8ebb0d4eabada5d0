internal import CEpoll
internal import Glibc

/// The epoll instance of one loop.
struct Poller: ~Copyable {
  /// The events for which a socket is watched.
  struct Interest: OptionSet {
    let rawValue: UInt32
    static let read = Interest(rawValue: EPOLLIN.rawValue)
    static let write = Interest(rawValue: EPOLLOUT.rawValue)
  }

  /// The events of a socket.
  struct Readiness {
    let key: Int
    let flags: UInt32
    var isReadable: Bool { flags & EPOLLIN.rawValue != 0 }
    /// Both directions are closed, or the connection was reset.
    var isBroken: Bool { flags & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 }
  }

  private let descriptor: Int32
  private var events = [epoll_event](repeating: epoll_event(), count: 256)

  init() {
    descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
  }

  deinit { close(descriptor) }

  func add(_ socket: Int32, key: Int, _ interest: Interest) -> Bool {
    control(EPOLL_CTL_ADD, socket, key: key, interest)
  }

  func change(_ socket: Int32, key: Int, _ interest: Interest) {
    _ = control(EPOLL_CTL_MOD, socket, key: key, interest)
  }

  func remove(_ socket: Int32) {
    _ = control(EPOLL_CTL_DEL, socket, key: 0, [])
  }

  /// Waits for events, for at most `milliseconds`; indefinitely if that is negative.
  mutating func wait(milliseconds: Int, into ready: inout [Readiness]) {
    ready.removeAll(keepingCapacity: true)
    let count = epoll_wait(descriptor, &events, Int32(events.count), Int32(clamping: milliseconds))
    for index in 0..<max(0, Int(count)) {
      ready.append(Readiness(key: Int(truncatingIfNeeded: events[index].data.u64), flags: events[index].events))
    }
  }

  private func control(_ operation: Int32, _ socket: Int32, key: Int, _ interest: Interest) -> Bool {
    var event = epoll_event()
    event.events = interest.rawValue
    event.data.u64 = UInt64(key)
    return epoll_ctl(descriptor, operation, socket, &event) == 0
  }
}
