import FlowJSON
import FlowServer

extension Command {
  static let key = Command(
    name: "key", group: .serve, summary: "Create an API key for `flow serve --keys`.", operands: "new",
    completion: .words(["new"]), options: KeyOptions.all,
    example: "flow key new --name desk --scope read --scope send --role manager --keys keys.toml",
    action: { arguments throws(UsageError) in
      guard arguments.operands == ["new"] else {
        throw UsageError(
          "`flow key` requires the operation `new`", help: "flow key new --name desk --scope read --keys keys.toml")
      }
      let (key, table) = try newKey(arguments)
      if let path = arguments[KeyOptions.keys] {
        guard KeyFile.append("\n" + table, to: path) else { throw UsageError("`\(path)` can't be written") }
        Terminal.errorOutput("added to `\(path)` as a hash; the key itself is shown only once:\n")
      } else {
        Terminal.errorOutput("put this into a file with mode 0600 for `flow serve --keys`:\n\n\(table)\n")
        Terminal.errorOutput("the key itself is shown only once:\n")
      }
      Terminal.output(key + "\n")
      return ExitCode.success
    })
}

/// The options of `flow key`.
private enum KeyOptions {
  static let name = Option.text(
    "name", "NAME", help: "name of the principal, as `caller` and in the audit log", default: "derived from the hash")
  static let scope = Option.list(
    "scope", "SCOPE", help: "permission: read, send, work, operate or deploy; at least one",
    completion: .words(["read", "send", "work", "operate", "deploy"]))
  static let role = Option.list("role", "ROLE", help: "role for the `by` clauses of flows")
  static let flow = Option.list("flow", "FLOW", help: "restrict the key to this flow", completion: .flows)
  static let rate = Option<Int?>.number(
    "rate", "N", in: 1...1_000_000, help: "maximum number of requests per second", default: "unlimited")
  static let expires = Option.text("expires", "INSTANT", help: "expiry, such as 2027-01-01T00:00:00Z", default: "never")
  static let keys = Option.text(
    "keys", "FILE", short: "k", help: "file to add the key to", default: "print the entry", completion: .files)

  static let all: [any CommandOption] = [name, scope, role, flow, rate, expires, keys]
}

/// A new key, and the TOML table that `flow serve` reads.
private func newKey(_ arguments: CommandArguments) throws(UsageError) -> (key: String, table: String) {
  let scopes = arguments[KeyOptions.scope].flatMap { $0.split(separator: ",").map(String.init) }
  guard !scopes.isEmpty else { throw UsageError("a key requires at least one scope", help: "add --scope read") }
  guard let (key, digest) = KeyRing.newKey() else { throw UsageError("the system has no random numbers available") }
  var lines = ["[[key]]", "name = \(quoted(arguments[KeyOptions.name] ?? "key-\(digest.prefix(8))"))"]
  lines += ["sha256 = \(quoted(digest))", "scopes = \(list(scopes))"]
  for (option, setting) in [(KeyOptions.role, "roles"), (KeyOptions.flow, "flows")] where arguments.isGiven(option) {
    lines.append("\(setting) = \(list(arguments[option]))")
  }
  if let rate = arguments[KeyOptions.rate] { lines.append("rate = \(rate)") }
  if let expires = arguments[KeyOptions.expires] { lines.append("expires = \(quoted(expires))") }
  let table = lines.joined(separator: "\n") + "\n"
  // The table must be readable by the server: a wrong scope or instant is reported here.
  let json = try Configuration.json(Array(table.utf8), file: "the new key")
  do throws(KeyFileError) {
    _ = try KeyRing(json) { _ throws(KeyFileError) in [] }
  } catch {
    throw UsageError(error.message)
  }
  return (key, table)
}

private func quoted(_ text: String) -> String { JSON.string(text).text() }

private func list(_ texts: [String]) -> String { "[" + texts.map(quoted).joined(separator: ", ") + "]" }
