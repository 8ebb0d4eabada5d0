import CEL
import FlowHTTP
import FlowJSON
import FlowRuntime
import FlowServer
import FlowStoreSQLite
import FlowTime
import Glibc

/// The options of `flow serve` for the store, the network, access and observability, and their values.
struct ServeOptions {
  private static let store = Option.text(
    "store", "FILE|URL", short: "s", help: "database file, or postgres://USER@HOST/DATABASE for one or more nodes",
    default: "next to the first flow, as order.db for order.flow", completion: .files)
  private static let addr = Option.text(
    "addr", "HOST:PORT|unix:PATH", short: "a", help: "address to listen on; port 0 selects a free one",
    default: defaultAddress)
  private static let advertise = Option.text(
    "advertise", "URL", help: "address of this node for other nodes and their clients",
    default: "the address it listens on")
  private static let clusterKey = Option.text(
    "cluster-key", "FILE", help: "secret of the nodes of a store; a node with another one does not start",
    completion: .files)
  private static let ownCalls = Option.number(
    "own-calls", "N", in: 1...Engine.maximumInFlight, default: Engine.defaultOwnCalls,
    help: "calls of actions above which the owner gives others to standbys")
  private static let noSpread = Option.flag(
    "no-spread", help: "give no calls of actions to other nodes, and run none for them")
  private static let keep = Option.text(
    "keep", "DURATION|forever", help: "retention of ended instances in the store", default: "7d")
  private static let archive = Option.text(
    "archive", "FILE|none", help: "JSON Lines file for instances that leave the store",
    default: "STORE.archive.jsonl", completion: .files)
  private static let keepKeys = Option.text(
    "keep-keys", "DURATION|forever",
    help: "how long the key of an archived instance stays taken without a declared lifetime", default: "365d")
  private static let create = Option.flag(
    "create", help: "make the store that `--store` names when it is not there")
  private static let acceptLoss = Option.flag(
    "accept-loss", help: "open a store whose write-ahead log is missing or damaged; its last commits are lost")
  private static let deployed = Option.choice(
    "deployed", default: DeployedFlows.keep, help: "keep or replace flows deployed over the API after these files")
  private static let watch = Option.flag(
    "watch", short: "w", help: "development: deploy the files again after each change")
  private static let keys = Option.text(
    "keys", "FILE", short: "k", help: "require one of the API keys in FILE; `flow key new` creates one",
    completion: .files)
  private static let insecure = Option.flag(
    "insecure", help: "allow a public address without any access control")
  private static let host = Option.list(
    "host", "NAME", help: "also accept this Host header; local names are always accepted")
  private static let origin = Option.list(
    "origin", "URL", help: "also accept requests from pages of this origin, such as https://desk.example")
  private static let readOnly = Option.flag(
    "read-only", help: "reject all changes; running instances continue and can be inspected")
  private static let rate = Option<Int?>.number(
    "rate", "N", in: 1...1_000_000, help: "maximum number of requests per second and caller", default: "unlimited")
  private static let trustedProxy = Option.list(
    "trusted-proxy", "ADDRESS", help: "believe X-Forwarded-For of this proxy (or `unix`) in limits and the audit log")
  private static let loopCount = Option<Int?>.number(
    "loops", "N", in: 1...64, help: "threads that serve connections", default: "one for each core")
  private static let tlsCertificate = Option.text(
    "tls-cert", "FILE", help: "serve TLS with this certificate chain, in PEM", completion: .files)
  private static let tlsKey = Option.text(
    "tls-key", "FILE", help: "private key of the certificate, in PEM", completion: .files)
  private static let logFormat = Option.optionalChoice(
    "log-format", of: LogFormat.self, help: "log format", default: "text on a terminal, otherwise json")
  private static let logLevel = Option.choice(
    "log-level", default: LogLevel.info, help: "minimum severity of log lines")
  private static let auditFile = Option.text(
    "audit", "FILE", help: "file for the audit log of operations and refusals", default: "the log", completion: .files)
  private static let otlp = Option.text(
    "otlp", "URL", help: "send a trace span of each step to this OpenTelemetry collector")
  private static let noDashboard = Option.flag("no-ui", help: "serve the API without the dashboard")
  private static let dashboardFolder = Option.text(
    "ui-dir", "DIR", help: "development: serve the files of the dashboard from DIR", completion: .files)
  private static let drain = Option.text(
    "drain", "DURATION", help: "how long to fail readiness checks before shutting down, at most 1h", default: "0s")

  static let all: [any CommandOption] = [
    store, addr, advertise, clusterKey, ownCalls, noSpread,
    keys, insecure, host, origin, readOnly, rate, trustedProxy, loopCount, tlsCertificate,
    tlsKey, create,
    keep, keepKeys, archive, deployed, acceptLoss, watch, noDashboard, dashboardFolder, drain, logFormat,
    logLevel, auditFile, otlp,
  ]

  /// The formats and levels of the log as options spell them.
  private enum LogFormat: String, CaseIterable { case text, json }
  private enum DeployedFlows: String, CaseIterable { case keep, replace }
  private enum LogLevel: String, CaseIterable { case debug, info, warn, error }

  private static let defaultAddress = "127.0.0.1:8080"
  private static let longestDrainMilliseconds: Int64 = 3_600_000

  let store: StoreLocation
  let retention: Retention
  let opening: SQLiteStore.OpeningOptions
  /// True if the files replace flows that were deployed over the API after them.
  let replacesDeployed: Bool
  let isWatching: Bool
  let address: ListenAddress
  /// The URL at which others reach this node; nil for the address that it listens on.
  let advertisedAddress: String?
  /// The file with the secret of the nodes; nil for the one in the store.
  let clusterKeyPath: String?
  /// The number of calls of actions above which the owner gives others to standbys.
  let ownCalls: Int
  /// True if nodes run calls for the owner.
  let isSpreading: Bool
  /// The socket that a service manager has opened, in place of an address.
  let listener: Int32?
  let keysPath: String?
  let tls: TLSCredentials?
  let log: Log
  let audit: Log
  /// The URL of the OpenTelemetry collector.
  let collector: String?
  let drainMilliseconds: Int64
  let redaction: Redaction
  private let hosts: [String]
  private let origins: [String]
  private let maximumRate: Int?
  private let isReadOnly: Bool
  private let proxies: [String]
  /// Threads that serve connections.
  let loops: Int
  /// The web page; nil without it.
  let dashboard: (@Sendable () -> Dashboard)?

  /// - Parameter defaultStore: The path of the store when none is given.
  /// - Throws: `UsageError` for an invalid value, or a public address without access control.
  init(
    _ arguments: CommandArguments, configuration: Configuration, defaultStore: String
  ) throws(UsageError) {
    store = try ServeOptions.location(arguments[ServeOptions.store] ?? defaultStore)
    retention = try ServeOptions.retention(arguments, store: store)
    var opening = SQLiteStore.OpeningOptions()
    // A misspelt path must not look like a server that has lost everything.
    opening.mayCreate = arguments[ServeOptions.store] == nil || arguments[ServeOptions.create]
    opening.acceptsLoss = arguments[ServeOptions.acceptLoss]
    self.opening = opening
    replacesDeployed = arguments[ServeOptions.deployed] == .replace
    isWatching = arguments[ServeOptions.watch]
    listener = Systemd.inheritedListener()
    address = try ServeOptions.address(arguments, listener: listener)
    advertisedAddress = arguments[ServeOptions.advertise]
    ownCalls = arguments[ServeOptions.ownCalls]
    isSpreading = !arguments[ServeOptions.noSpread]
    clusterKeyPath = arguments[ServeOptions.clusterKey]
    keysPath = arguments[ServeOptions.keys]
    hosts = arguments[ServeOptions.host]
    origins = arguments[ServeOptions.origin]
    maximumRate = arguments[ServeOptions.rate]
    isReadOnly = arguments[ServeOptions.readOnly]
    proxies = arguments[ServeOptions.trustedProxy]
    loops = arguments[ServeOptions.loopCount] ?? min(max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1), 16)
    tls = try ServeOptions.tls(chain: arguments[ServeOptions.tlsCertificate], key: arguments[ServeOptions.tlsKey])
    log = ServeOptions.log(arguments)
    audit = try ServeOptions.audit(arguments, log: log)
    collector = try ServeOptions.collector(arguments[ServeOptions.otlp])
    drainMilliseconds = try ServeOptions.drainTime(arguments[ServeOptions.drain] ?? "0s")
    redaction = Redaction(configuration.redaction)
    dashboard = try ServeOptions.dashboard(arguments)
    guard address.isLoopback || keysPath != nil || arguments[ServeOptions.insecure] else {
      throw UsageError(
        "\(address.host) can be reached from other machines, and requests would not be authenticated",
        help: "add --keys FILE, listen on 127.0.0.1 or unix:PATH, or add --insecure")
    }
  }

  /// The settings of access control.
  /// - Throws: `KeyFileError` when the file with keys can't be used.
  func accessSettings() throws(KeyFileError) -> AccessMiddleware.Settings {
    var settings = AccessMiddleware.Settings()
    let own = address.isAny ? [] : [address.host.contains(":") ? "[\(address.host)]" : address.host]
    settings.hosts = HostPolicy(hosts: hosts + own, origins: origins)
    settings.keys = try keysPath.map { path throws(KeyFileError) in
      let keys = try KeyFile.load(path)
      guard !keys.isEmpty else { throw KeyFileError(message: "\(path): there is neither a key nor an issuer in it") }
      return keys
    }
    settings.rate = maximumRate
    settings.isReadOnly = isReadOnly
    settings.trustedProxies = Set(proxies)
    settings.redaction = redaction
    return settings
  }

  // MARK: - Values

  private static func location(_ text: String) throws(UsageError) -> StoreLocation {
    do throws(StoreError) {
      return try StoreLocation(text)
    } catch {
      throw UsageError(error.message, help: "write postgres://USER@HOST/DATABASE, or a path")
    }
  }

  private static func retention(_ arguments: CommandArguments, store: StoreLocation) throws(UsageError) -> Retention {
    let given = arguments[ServeOptions.archive]
    if case .database = store, let given, given != "none" {
      throw UsageError(
        "a store in a database has its archive in the table `archive`", help: "omit --archive, or write --archive none")
    }
    let archive = given ?? store.text + ".archive.jsonl"
    let keep = arguments[ServeOptions.keep] ?? "7d"
    let keys = try ServeOptions.keyLifetime(arguments[ServeOptions.keepKeys] ?? "365d")
    if keep == "forever" { return Retention(keys: keys) }
    guard let duration = Duration(keep, allowsDays: true), duration.nanoseconds >= 0 else {
      throw UsageError("`--keep` must be a duration or `forever`, not `\(keep)`", help: "write 7d, 12h, or forever")
    }
    return Retention(
      hot: duration.nanoseconds / 1_000_000, keys: keys, archive: archive == "none" ? nil : archive)
  }

  /// The lifetime in milliseconds; nil for no limit.
  private static func keyLifetime(_ text: String) throws(UsageError) -> Int64? {
    if text == "forever" { return nil }
    guard let duration = Duration(text, allowsDays: true), duration.nanoseconds >= 0 else {
      throw UsageError("`--keep-keys` must be a duration or `forever`, not `\(text)`", help: "write 365d, or forever")
    }
    return duration.nanoseconds / 1_000_000
  }

  private static func address(_ arguments: CommandArguments, listener: Int32?) throws(UsageError) -> ListenAddress {
    if let listener {
      guard let name = HTTPServer.path(ofListener: listener) else {
        throw UsageError("the inherited file descriptor is not a listening socket", help: "check the .socket unit")
      }
      return ListenAddress(listener: name)
    }
    let text = arguments[ServeOptions.addr] ?? defaultAddress
    guard let address = ListenAddress(text) else {
      throw UsageError(
        "`--addr` must be HOST:PORT or unix:PATH, not `\(text)`", help: "write \(defaultAddress), for example")
    }
    return address
  }

  private static func dashboard(_ arguments: CommandArguments) throws(UsageError) -> (@Sendable () -> Dashboard)? {
    if arguments[noDashboard] { return nil }
    guard let folder = arguments[dashboardFolder] else { return { DashboardFiles.embedded } }
    guard readFile(folder + "/index.html") != nil else {
      throw UsageError("`\(folder)` has no index.html", help: "name the folder of the dashboard's files")
    }
    return { DashboardFiles.read(folder) }
  }

  private static func tls(chain: String?, key: String?) throws(UsageError) -> TLSCredentials? {
    if chain == nil, key == nil { return nil }
    guard let chain, let key else {
      throw UsageError("TLS requires both a certificate and its key", help: "give --tls-cert and --tls-key")
    }
    do throws(TLSError) {
      return try TLSCredentials(chain: chain, key: key)
    } catch {
      throw UsageError("`\(chain)` and `\(key)`: \(error.message)")
    }
  }

  private static func log(_ arguments: CommandArguments) -> Log {
    let format: Log.Format =
      switch arguments[ServeOptions.logFormat] ?? (isatty(STDERR_FILENO) == 1 ? .text : .json) {
      case .text: .text
      case .json: .json
      }
    let level: Log.Level =
      switch arguments[ServeOptions.logLevel] {
      case .debug: .debug
      case .info: .info
      case .warn: .warn
      case .error: .error
      }
    return Log(level: level, format: format, clock: currentMilliseconds, sink: sink)
  }

  /// The format of messages before the log exists, or beside it: that of the log.
  static func messageFormat(_ words: [String]) -> Terminal.MessageFormat {
    let name = "--" + logFormat.declaration.name
    let following = words.firstIndex(of: name).flatMap { words.indices.contains($0 + 1) ? words[$0 + 1] : nil }
    let joined = words.last { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    let given = LogFormat(rawValue: following ?? joined ?? "")
    return given ?? (isatty(STDERR_FILENO) == 1 ? .text : .json) == .json ? .json : .text
  }

  private static let sink: @Sendable ([UInt8]) -> Void = {
    Terminal.errorOutput(String(decoding: $0, as: UTF8.self))
  }

  /// The audit log, which is complete at every level of the log.
  private static func audit(_ arguments: CommandArguments, log: Log) throws(UsageError) -> Log {
    if let path = arguments[ServeOptions.auditFile] { return try auditLog(path) }
    return log.isEnabled(.info) ? log : Log(level: .info, format: log.format, clock: currentMilliseconds, sink: sink)
  }

  private static func auditLog(_ path: String) throws(UsageError) -> Log {
    // Created with access for its owner only, for every umask.
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw UsageError("`\(path)` can't be written") }
    close(descriptor)
    chmod(path, 0o600)
    return Log(level: .info, format: .json, clock: currentMilliseconds) { line in
      if !appendToFile(path, line) { Terminal.error("`\(path)` can't be written: an audit line is lost") }
    }
  }

  /// The URL of a collector, with the standard path of OTLP for a URL without a path.
  private static func collector(_ text: String?) throws(UsageError) -> String? {
    guard let text else { return nil }
    guard let scheme = text.firstRange(of: "://"), ["http", "https"].contains(text[..<scheme.lowerBound]) else {
      throw UsageError("`--otlp` must be a URL, not `\(text)`", help: "write http://127.0.0.1:4318")
    }
    let hasPath = text[scheme.upperBound...].contains("/")
    return hasPath ? text : text + "/v1/traces"
  }

  private static func drainTime(_ text: String) throws(UsageError) -> Int64 {
    if text == "0" || text == "0s" { return 0 }
    guard let milliseconds = DurationText.milliseconds(text), milliseconds <= longestDrainMilliseconds else {
      throw UsageError("`--drain` must be a duration of at most 1h, not `\(text)`", help: "write 10s")
    }
    return milliseconds
  }
}
