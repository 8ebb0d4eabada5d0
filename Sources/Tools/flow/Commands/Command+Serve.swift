import CEL
import FlowActions
import FlowCompiler
import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowServer
import FlowSource
import FlowStoreSQLite
import Glibc

extension Command {
  static let serve = Command(
    name: "serve", summary: "Serve flows over HTTP and WebSocket, durable on a store.", operands: "PATH|IR…",
    options: [
      Option(
        name: "store", value: "FILE",
        help: "the database; beside the first flow by default, as order.db, or flow.db in a folder"),
      Option(
        name: "addr", value: "HOST:PORT|unix:PATH",
        help: "where to listen; 127.0.0.1:8080 by default, port 0 chooses one"),
      Option(
        name: "keep", value: "DURATION|forever", help: "how long ended instances stay in the store; 7d by default"),
      Option(
        name: "archive", value: "FILE|none",
        help: "where they go then, as JSON lines; STORE.archive.jsonl by default"),
      Option(name: "watch", value: nil, help: "for development: deploy the files again whenever they change"),
    ] + ServeOptions.options + ActionOptions.list,
    example: "flow serve samples/order.flow --addr 127.0.0.1:8080",
    action: { arguments in
      do throws(UsageError) {
        return try begin(arguments)
      } catch {
        Terminal.complain(error.message, help: error.help)
        return ExitCode.usage
      }
    })
}

private func begin(_ arguments: CommandArguments) throws(UsageError) -> Int32 {
  guard let first = arguments.operands.first else {
    throw UsageError(message: "`flow serve` takes files and folders", help: "flow serve samples/order.flow")
  }
  guard let configuration = Configuration.load(for: first) else { return ExitCode.usage }
  let options = try ServeOptions(arguments, configuration)
  guard !arguments.has("watch") || arguments.operands.allSatisfy({ $0.hasSuffix(".flow") || isFolder($0) }) else {
    throw UsageError(message: "only flows can be watched", help: "name `.flow` files, or leave --watch out")
  }
  let isIR = arguments.operands.count == 1 && !first.hasSuffix(".flow") && !isFolder(first)
  guard let files = isIR ? [first] : namedFiles(arguments.operands) else { return ExitCode.usage }
  guard let (program, sources) = isIR ? loadProgram(first) : compileProgram(files) else { return ExitCode.findings }
  let settings = try ActionOptions.settings(arguments)
  if let missing = ActionOptions.whatIsMissing(for: program, settings) { throw missing }
  let path = arguments.value("store") ?? storePath(beside: first)
  let retention = try retention(arguments, path)
  let watched = arguments.has("watch") ? arguments.operands : []
  return ServeCommand.run(program, sources, store: path, retention, options, settings, watched: watched)
}

/// `HOST:PORT` or `unix:PATH`, taken apart.
struct Address {
  /// The prefix of a place in the file system.
  static let local = "unix:"

  var host: String
  var port: Int
  /// The place in the file system; nil for a host.
  var path: String?

  init?(_ text: String) {
    if text.hasPrefix(Address.local) {
      (host, port, path) = ("", 0, String(text.dropFirst(Address.local.count)))
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (0...65_535).contains(port)
    else { return nil }
    let host = String(text[..<colon]).filter { $0 != "[" && $0 != "]" }
    self.host = host.isEmpty ? "127.0.0.1" : host
    self.port = port
  }

  /// What a socket says of itself that somebody else has opened.
  init(listener: String) {
    let isLocal = listener.hasPrefix(Address.local)
    (host, port, path) = (isLocal ? "" : listener, 0, isLocal ? String(listener.dropFirst(Address.local.count)) : nil)
  }

  /// Whether only this machine can reach it.
  var isLoopback: Bool { path != nil || host == "localhost" || host == "::1" || host.hasPrefix("127.") }

  /// How it is written with the port that was chosen.
  func text(port: Int) -> String {
    path.map { Address.local + $0 } ?? (host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)")
  }
}

private func compileProgram(_ files: [String]) -> (Program, [SourceText])? {
  guard let compilation = compileFiles(files), let program = compilation.program else { return nil }
  return (program, compilation.texts)
}

/// Takes the IR that `flow compile` wrote.
private func loadProgram(_ path: String) -> (Program, [SourceText])? {
  guard let text = readFile(path) else {
    Terminal.complain("cannot read `\(path)`")
    return nil
  }
  do throws(JSONError) {
    let json = try JSON(parsing: text)
    do throws(ProgramError) {
      return (try Program(json: json), [])
    } catch {
      Terminal.complain("`\(path)` can't be run: \(error.message)")
    }
  } catch {
    Terminal.complain("`\(path)` is not an IR file: byte \(error.offset + 1): \(error.message)")
  }
  return nil
}

/// How long what has ended is kept, and where it goes.
private func retention(_ arguments: CommandArguments, _ store: String) throws(UsageError) -> Retention {
  let archive = arguments.value("archive") ?? store + ".archive.jsonl"
  let keep = arguments.value("keep") ?? "7d"
  if keep == "forever" { return Retention() }
  guard let duration = Duration(keep, allowsDays: true), duration.nanoseconds >= 0 else {
    throw UsageError(message: "`\(keep)` is no duration", help: "write --keep 7d, 12h, or forever")
  }
  return Retention(hot: duration.nanoseconds / 1_000_000, archive: archive == "none" ? nil : archive)
}

extension Compilation {
  /// The files that it was made of, as stores keep them.
  var texts: [SourceText] {
    sources.files.map { SourceText(name: $0.name, text: String(decoding: $0.text, as: UTF8.self)) }
  }
}

private func storePath(beside file: String) -> String {
  if isFolder(file) { return (file.hasSuffix("/") ? file : file + "/") + "flow.db" }
  return (file.hasSuffix(".flow") ? String(file.dropLast(5)) : file) + ".db"
}
