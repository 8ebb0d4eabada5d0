import CEL
import FlowActions
import FlowCompiler
import FlowHTTP
import FlowIR
import FlowMachine
import FlowRuntime
import FlowServer
import FlowSource
import FlowStoreSQLite
import Glibc

extension Command {
  static let serve = Command(
    name: "serve", summary: "Serve flows over HTTP and WebSocket, durable on a store.", operands: "FILE|IR…",
    options: [
      Option(name: "store", value: "FILE", help: "the database; FILE.db beside the first flow by default"),
      Option(name: "addr", value: "HOST:PORT", help: "where to listen; 127.0.0.1:8080 by default, port 0 chooses one"),
      Option(
        name: "keep", value: "DURATION|forever", help: "how long ended instances stay in the store; 7d by default"),
      Option(
        name: "archive", value: "FILE|none",
        help: "where they go then, as JSON lines; STORE.archive.jsonl by default"),
      Option(name: "watch", value: nil, help: "for development: deploy the files again whenever they change"),
    ] + ServeOptions.options + ActionOptions.list,
    example: "flow serve samples/order.flow --addr 127.0.0.1:8080",
    action: { arguments in
      guard let first = arguments.operands.first else {
        Terminal.complain("`flow serve` takes at least one file", help: "flow serve samples/order.flow")
        return ExitCode.usage
      }
      guard let configuration = Configuration.load(for: first), let options = serveOptions(arguments, configuration)
      else { return ExitCode.usage }
      guard !arguments.has("watch") || arguments.operands.allSatisfy({ $0.hasSuffix(".flow") }) else {
        Terminal.complain("only flows can be watched", help: "name `.flow` files, or leave --watch out")
        return ExitCode.usage
      }
      guard let program = loadProgram(arguments.operands) else { return ExitCode.findings }
      do throws(ActionOptions.Problem) {
        let settings = try ActionOptions.settings(arguments)
        if let missing = ActionOptions.whatIsMissing(for: program, settings) { throw missing }
        let path = arguments.value("store") ?? storePath(beside: first)
        guard let retention = retention(arguments, path) else { return ExitCode.usage }
        let watched = arguments.has("watch") ? arguments.operands : []
        return Serving.run(program, store: path, retention, options, settings, watched: watched)
      } catch {
        Terminal.complain(error.message, help: error.help)
        return ExitCode.usage
      }
    })
}

/// `HOST:PORT`, taken apart.
struct Address {
  var host: String
  var port: Int

  init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (0...65_535).contains(port)
    else { return nil }
    let host = String(text[..<colon]).filter { $0 != "[" && $0 != "]" }
    self.host = host.isEmpty ? "127.0.0.1" : host
    self.port = port
  }

  var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}

/// Nil when they are wrong, which has been said then.
private func serveOptions(_ arguments: Arguments, _ configuration: Configuration) -> ServeOptions? {
  do throws(ServeOptions.Wrong) {
    return try ServeOptions(arguments, configuration)
  } catch {
    Terminal.complain(error.message, help: error.help)
    return nil
  }
}

/// Compiles flows, or takes the IR that `flow compile` wrote.
private func loadProgram(_ paths: [String]) -> FlowIR.Program? {
  guard paths.count == 1, !paths[0].hasSuffix(".flow") else { return compileForUse(paths)?.program }
  guard let text = readFile(paths[0]) else {
    Terminal.complain("cannot read `\(paths[0])`")
    return nil
  }
  do throws(JSONError) {
    let json = try JSON(parsing: text)
    do throws(ProgramError) {
      return try FlowIR.Program(json: json)
    } catch {
      Terminal.complain("`\(paths[0])` can't be run: \(error.message)")
    }
  } catch {
    Terminal.complain("`\(paths[0])` is not an IR file: byte \(error.offset + 1): \(error.message)")
  }
  return nil
}

/// How long what has ended is kept, and where it goes; nil when that was said wrong.
private func retention(_ arguments: Arguments, _ store: String) -> Retention? {
  let archive = arguments.value("archive") ?? store + ".archive.jsonl"
  let keep = arguments.value("keep") ?? "7d"
  if keep == "forever" { return Retention() }
  guard let duration = Duration(keep, allowsDays: true), duration.nanoseconds >= 0 else {
    Terminal.complain("`\(keep)` is no duration", help: "write --keep 7d, 12h, or forever")
    return nil
  }
  return Retention(hot: duration.nanoseconds / 1_000_000, archive: archive == "none" ? nil : archive)
}

private func storePath(beside file: String) -> String {
  let name = file.hasSuffix(".flow") ? String(file.dropLast(5)) : file
  return name + ".db"
}
