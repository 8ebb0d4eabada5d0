internal import CEpoll
internal import Glibc

/// The system calls on sockets; descriptors and results are plain numbers, no call blocks.
enum Sockets {
  /// The result of a read or write.
  enum Transfer {
    case bytes(Int)
    case wouldBlock
    case failed
  }

  /// The result of `accept`.
  enum Accepted {
    case socket(Int32, address: String)
    case none
    /// No more descriptors are available; a retry may succeed.
    case exhausted
  }

  static func listen(host: String, port: Int, isShared: Bool) throws(HTTPServerError) -> Int32 {
    var hints = addrinfo()
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &found) == 0, let first = found else {
      throw .unknownHost(host)
    }
    defer { freeaddrinfo(found) }
    let info = first.pointee
    let type = info.ai_socktype | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let socket = Glibc.socket(info.ai_family, type, info.ai_protocol)
    guard socket >= 0 else { throw .cannotListen(host: host, port: port, reason: lastError()) }
    enable(SO_REUSEADDR, of: SOL_SOCKET, on: socket)
    if isShared { enable(SO_REUSEPORT, of: SOL_SOCKET, on: socket) }
    guard bind(socket, info.ai_addr, info.ai_addrlen) == 0, Glibc.listen(socket, 1024) == 0 else {
      let reason = lastError()
      close(socket)
      throw .cannotListen(host: host, port: port, reason: reason)
    }
    return socket
  }

  /// Takes ownership of an inherited socket.
  static func adopt(_ socket: Int32) throws(HTTPServerError) -> Int32 {
    var isListening: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length) == 0, isListening != 0 else {
      throw .cannotListen(host: "descriptor", port: Int(socket), reason: "it is not a listening socket")
    }
    _ = fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK)
    _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
    return socket
  }

  /// The port on which a socket listens; 0 for one without a port.
  static func port(of socket: Int32) -> Int {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    _ = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
    }
    guard [AF_INET, AF_INET6].contains(Int32(address.ss_family)) else { return 0 }
    return withUnsafePointer(to: &address) { pointer in
      // The port is at the same offset for both families.
      pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { Int(UInt16(bigEndian: $0.pointee.sin_port)) }
    }
  }

  static func accept(on listener: Int32) -> Accepted {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let socket = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { cepoll_accept(listener, $0, &length) }
    }
    guard socket >= 0 else { return [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) ? .exhausted : .none }
    if Int32(address.ss_family) == AF_UNIX { return .socket(socket, address: localPeer) }
    enable(TCP_NODELAY, of: Int32(IPPROTO_TCP), on: socket)
    return .socket(socket, address: text(of: &address, length))
  }

  static func receive(on socket: Int32, into buffer: UnsafeMutableBufferPointer<UInt8>) -> Transfer {
    let count = recv(socket, buffer.baseAddress, buffer.count, 0)
    return count >= 0 ? .bytes(count) : isPassing(errno) ? .wouldBlock : .failed
  }

  static func send(_ bytes: UnsafeBufferPointer<UInt8>, on socket: Int32) -> Transfer {
    let count = Glibc.send(socket, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
    return count >= 0 ? .bytes(count) : isPassing(errno) ? .wouldBlock : .failed
  }

  static func endWriting(on socket: Int32) {
    shutdown(socket, Int32(SHUT_WR))
  }

  static func close(_ socket: Int32) {
    Glibc.close(socket)
  }

  private static func isPassing(_ error: Int32) -> Bool {
    error == EAGAIN || error == EINTR
  }

  private static func enable(_ option: Int32, of level: Int32, on socket: Int32) {
    var on: Int32 = 1
    setsockopt(socket, level, option, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  static func text(of address: inout sockaddr_storage, _ length: socklen_t) -> String {
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getnameinfo($0, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
      }
    }
    guard result == 0 else { return "" }
    let name = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return name.hasPrefix("::ffff:") ? String(name.dropFirst(7)) : name
  }

  static func lastError() -> String {
    String(cString: strerror(errno))
  }
}

/// The two clocks of a loop.
enum SystemClock {
  /// Milliseconds of a monotonic clock.
  static var milliseconds: Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
  }

  /// Seconds since 1970.
  static var second: Int {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME_COARSE, &time)
    return time.tv_sec
  }
}
