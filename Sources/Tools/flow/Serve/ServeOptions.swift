import FlowHTTP
import FlowJSON
import FlowServer
import FlowTime
import Glibc

/// How `flow serve` is reached, whom it lets in, and what it says of itself.
struct ServeOptions {
  static let options: [Command.Option] = [
    .init(name: "keys", value: "FILE", help: "let in only who has one of these keys; `flow key new` makes one"),
    .init(
      name: "insecure", value: nil, help: "allow an address that other machines can reach, without any access control"),
    .init(name: "host", value: "NAME", help: "a name that the server is asked for by; this machine's own are known"),
    .init(name: "origin", value: "URL", help: "another origin whose pages may send, such as https://desk.example"),
    .init(name: "read-only", value: nil, help: "take nothing; what runs goes on, and can be looked at"),
    .init(name: "rate", value: "NUMBER", help: "the most requests of a caller in a second"),
    .init(
      name: "trusted-proxy", value: "ADDRESS",
      help: "believe X-Forwarded-For of this proxy (or `unix`) for limits and the audit; may be repeated"),
    .init(name: "loops", value: "NUMBER", help: "threads that serve connections; one for each core by default"),
    .init(name: "tls-cert", value: "FILE", help: "speak TLS with this certificate, a PEM file with its chain"),
    .init(name: "tls-key", value: "FILE", help: "the key of the certificate, a PEM file"),
    .init(name: "log-format", value: "FORMAT", help: "json or text; text on a terminal, json elsewhere"),
    .init(name: "log-level", value: "LEVEL", help: "debug, info, warn or error; info by default"),
    .init(name: "audit", value: "FILE", help: "where operators' actions and refusals are written; the log by default"),
    .init(name: "otlp", value: "URL", help: "send a span of each step to this OpenTelemetry collector"),
    .init(name: "no-ui", value: nil, help: "serve the API without the dashboard"),
    .init(name: "ui-dir", value: "DIR", help: "for development: serve the dashboard's files from this folder"),
    .init(name: "drain", value: "DURATION", help: "how long to look unready before ending; 0s by default"),
  ]

  private static let longestDrainMilliseconds: Int64 = 3_600_000

  let address: Address
  /// The socket that a service manager has opened; the address is then the one that it has.
  let listener: Int32?
  let keysPath: String?
  let tls: TLSCredentials?
  let log: Log
  let audit: Log
  let collector: String?
  let drainMilliseconds: Int64
  private let hosts: [String]
  private let origins: [String]
  private let rate: Int?
  private let isReadOnly: Bool
  private let proxies: [String]
  /// Threads that serve connections.
  let loops: Int
  let redaction: Redaction
  /// The web page; nil without it.
  let dashboard: (@Sendable () -> Dashboard)?

  init(_ arguments: CommandArguments, _ configuration: Configuration) throws(UsageError) {
    listener = Systemd.takeListener()
    address = try ServeOptions.address(arguments, listener)
    keysPath = arguments.value("keys")
    hosts = arguments.all("host")
    origins = arguments.all("origin")
    rate = try ServeOptions.rate(arguments.value("rate"))
    isReadOnly = arguments.has("read-only")
    proxies = arguments.all("trusted-proxy")
    loops = try ServeOptions.loops(arguments.value("loops"))
    tls = try ServeOptions.tls(arguments.value("tls-cert"), arguments.value("tls-key"))
    log = try ServeOptions.log(arguments)
    audit = try ServeOptions.audit(arguments, log)
    collector = try ServeOptions.collector(arguments.value("otlp"))
    drainMilliseconds = try ServeOptions.duration(arguments.value("drain") ?? "0s")
    redaction = Redaction(configuration.redaction)
    dashboard = try ServeOptions.dashboard(arguments)
    guard address.isLoopback || keysPath != nil || arguments.has("insecure") else {
      throw UsageError(
        message: "\(address.host) can be reached from other machines, and nobody would have to say who he is",
        help: "give --keys FILE, listen on 127.0.0.1 or at unix:PATH, or say --insecure")
    }
  }

  /// What the gate goes by; reads the file with keys.
  func settings() throws(KeyFileError) -> AccessMiddleware.Settings {
    var settings = AccessMiddleware.Settings()
    let isAny = ["0.0.0.0", "::", ""].contains(address.host)
    let own = isAny ? [] : [address.host.contains(":") ? "[\(address.host)]" : address.host]
    settings.hosts = HostPolicy(hosts: hosts + own, origins: origins)
    settings.keys = try keysPath.map { path throws(KeyFileError) in
      let keys = try KeyFile.load(path)
      guard !keys.isEmpty else { throw KeyFileError(message: "\(path): there is neither a key nor an issuer in it") }
      return keys
    }
    settings.rate = rate
    settings.isReadOnly = isReadOnly
    settings.trustedProxies = Set(proxies)
    settings.redaction = redaction
    return settings
  }

  // MARK: - Reading

  private static func address(_ arguments: CommandArguments, _ listener: Int32?) throws(UsageError) -> Address {
    if let listener {
      guard let place = HTTPServer.place(ofListener: listener) else {
        throw UsageError(message: "the socket that was handed over is none", help: "look at the .socket unit")
      }
      return Address(listener: place)
    }
    let text = arguments.value("addr") ?? "127.0.0.1:8080"
    guard let address = Address(text) else {
      throw UsageError(
        message: "`\(text)` is not an address", help: "write HOST:PORT, such as 127.0.0.1:8080, or unix:PATH")
    }
    return address
  }

  private static func dashboard(_ arguments: CommandArguments) throws(UsageError) -> (@Sendable () -> Dashboard)? {
    if arguments.has("no-ui") { return nil }
    guard let folder = arguments.value("ui-dir") else { return { DashboardFiles.embedded } }
    guard readFile(folder + "/index.html") != nil else {
      throw UsageError(message: "`\(folder)` has no index.html", help: "name the folder of the dashboard's files")
    }
    return { DashboardFiles.read(folder) }
  }

  private static func rate(_ text: String?) throws(UsageError) -> Int? {
    guard let text else { return nil }
    guard let rate = Int(text), (1...1_000_000).contains(rate) else {
      throw UsageError(message: "`--rate \(text)` is no number of requests from 1 to 1000000")
    }
    return rate
  }

  private static func loops(_ text: String?) throws(UsageError) -> Int {
    guard let text else { return min(max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1), 16) }
    guard let loops = Int(text), (1...64).contains(loops) else {
      throw UsageError(message: "`--loops \(text)` must be a number from 1 to 64")
    }
    return loops
  }

  private static func tls(_ chain: String?, _ key: String?) throws(UsageError) -> TLSCredentials? {
    if chain == nil, key == nil { return nil }
    guard let chain, let key else {
      throw UsageError(message: "TLS needs both a certificate and its key", help: "give --tls-cert and --tls-key")
    }
    do throws(TLSError) {
      return try TLSCredentials(chain: chain, key: key)
    } catch {
      throw UsageError(message: "`\(chain)` and `\(key)`: \(error.message)")
    }
  }

  private static func log(_ arguments: CommandArguments) throws(UsageError) -> Log {
    let format = arguments.value("log-format") ?? (isatty(STDERR_FILENO) == 1 ? "text" : "json")
    guard let format = Log.Format(rawValue: format) else {
      throw UsageError(message: "there is no log format `\(format)`", help: "write json or text")
    }
    let level = arguments.value("log-level") ?? "info"
    guard let level = Log.Level(rawValue: level) else {
      throw UsageError(message: "there is no log level `\(level)`", help: "write debug, info, warn or error")
    }
    return Log(level: level, format: format, clock: currentMilliseconds, sink: sink)
  }

  private static let sink: @Sendable ([UInt8]) -> Void = { Terminal.error(String(decoding: $0, as: UTF8.self)) }

  /// Who wants to hear little of the server still gets the whole audit.
  private static func audit(_ arguments: CommandArguments, _ log: Log) throws(UsageError) -> Log {
    if let path = arguments.value("audit") { return try auditLog(path) }
    return log.isEnabled(.info) ? log : Log(level: .info, format: log.format, clock: currentMilliseconds, sink: sink)
  }

  private static func auditLog(_ path: String) throws(UsageError) -> Log {
    // Created for its owner alone; an existing file keeps its mode until here.
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    if descriptor >= 0 { close(descriptor) }
    guard descriptor >= 0 else { throw UsageError(message: "`\(path)` can't be written") }
    chmod(path, 0o600)
    return Log(level: .info, format: .json, clock: currentMilliseconds) { line in
      if !appendToFile(path, line) { Terminal.complain("`\(path)` can't be written: an audit line is lost") }
    }
  }

  /// The address of a collector, with the path that OTLP gives when there is none.
  private static func collector(_ text: String?) throws(UsageError) -> String? {
    guard let text else { return nil }
    guard let scheme = text.firstRange(of: "://"), ["http", "https"].contains(text[..<scheme.lowerBound]) else {
      throw UsageError(message: "`\(text)` is no address of a collector", help: "write http://127.0.0.1:4318")
    }
    let hasPath = text[scheme.upperBound...].contains("/")
    return hasPath ? text : text + "/v1/traces"
  }

  private static func duration(_ text: String) throws(UsageError) -> Int64 {
    if text == "0" || text == "0s" { return 0 }
    guard let milliseconds = DurationText.milliseconds(text), milliseconds <= longestDrainMilliseconds else {
      throw UsageError(message: "`--drain \(text)` is no length of time of an hour at most", help: "write 10s")
    }
    return milliseconds
  }
}
