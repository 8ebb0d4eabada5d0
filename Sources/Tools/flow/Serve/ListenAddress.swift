/// An address to listen on: `HOST:PORT` or `unix:PATH`.
struct ListenAddress {
  private static let localPrefix = "unix:"

  /// Empty for a socket in the file system.
  var host: String
  var port: Int
  /// The path of a socket in the file system; nil for a host.
  var path: String?

  init?(_ text: String) {
    if text.hasPrefix(ListenAddress.localPrefix) {
      (host, port, path) = ("", 0, String(text.dropFirst(ListenAddress.localPrefix.count)))
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (0...65_535).contains(port)
    else { return nil }
    let host = String(text[..<colon]).filter { $0 != "[" && $0 != "]" }
    self.host = host.isEmpty ? "127.0.0.1" : host
    self.port = port
  }

  /// The address of an inherited socket, as the socket itself reports it.
  init(listener name: String) {
    let isLocal = name.hasPrefix(ListenAddress.localPrefix)
    (host, port) = (isLocal ? "" : name, 0)
    path = isLocal ? String(name.dropFirst(ListenAddress.localPrefix.count)) : nil
  }

  /// True when other machines can't reach the address.
  var isLoopback: Bool { path != nil || host == "localhost" || host == "::1" || host.hasPrefix("127.") }

  /// True for an address that stands for all of the machine.
  var isAny: Bool { path == nil && ["0.0.0.0", "::", ""].contains(host) }

  /// The text of the address with the port that was selected.
  func text(port: Int) -> String {
    path.map { ListenAddress.localPrefix + $0 } ?? (host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)")
  }
}
