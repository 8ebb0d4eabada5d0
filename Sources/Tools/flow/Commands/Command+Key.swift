import FlowJSON
import FlowServer

extension Command {
  static let key = Command(
    name: "key", summary: "Make a key that `flow serve --keys` lets in.", operands: "new",
    options: [
      Option(name: "name", value: "NAME", help: "whose key it is; what `caller` and the audit log say"),
      Option(name: "scope", value: "SCOPE", help: "what it may do: read, send, work, operate, deploy; once for each"),
      Option(name: "role", value: "ROLE", help: "a role of the flows, for `by`; once for each"),
      Option(name: "flow", value: "FLOW", help: "a flow that it may see; all when none is given"),
      Option(name: "rate", value: "NUMBER", help: "the most requests in a second"),
      Option(name: "expires", value: "INSTANT", help: "when it ends, such as 2027-01-01T00:00:00Z"),
      Option(name: "keys", value: "FILE", help: "the file to add it to; printed when none is given"),
    ],
    example: "flow key new --name desk --scope read --scope send --role manager --keys keys.toml",
    action: { arguments in
      guard arguments.operands == ["new"] else {
        Terminal.complain("`flow key` takes `new`", help: "flow key new --name desk --scope read --keys keys.toml")
        return ExitCode.usage
      }
      guard let (key, table) = newKey(arguments) else { return ExitCode.usage }
      if let path = arguments.value("keys") {
        guard KeyFile.append("\n" + table, to: path) else {
          Terminal.complain("`\(path)` can't be written")
          return ExitCode.usage
        }
        Terminal.error("this key is shown once; `\(path)` keeps its hash:\n")
      } else {
        Terminal.error("put this into a file with the mode 0600, for `flow serve --keys`:\n\n\(table)\n")
        Terminal.error("this key is shown once:\n")
      }
      Terminal.output(key + "\n")
      return ExitCode.fine
    })
}

/// A key, and the table that lets it in; nil when the options are wrong, which has been said then.
private func newKey(_ arguments: CommandArguments) -> (key: String, table: String)? {
  let scopes = arguments.all("scope").flatMap { $0.split(separator: ",").map(String.init) }
  guard !scopes.isEmpty else {
    Terminal.complain("a key without a scope opens nothing", help: "say --scope read")
    return nil
  }
  guard let (key, digest) = KeyRing.newKey() else {
    Terminal.complain("the system has no randomness to give")
    return nil
  }
  var lines = ["[[key]]", "name = \(quoted(arguments.value("name") ?? "key-\(digest.prefix(8))"))"]
  lines += ["sha256 = \(quoted(digest))", "scopes = \(list(scopes))"]
  for (option, setting) in [("role", "roles"), ("flow", "flows")] where arguments.has(option) {
    lines.append("\(setting) = \(list(arguments.all(option)))")
  }
  if let rate = arguments.value("rate") { lines.append("rate = \(rate)") }
  if let expires = arguments.value("expires") { lines.append("expires = \(quoted(expires))") }
  let table = lines.joined(separator: "\n") + "\n"
  // What it writes, it must be able to read.
  guard let json = Configuration.json(Array(table.utf8), "the new key") else { return nil }
  do throws(KeyFileError) {
    _ = try KeyRing(json) { _ throws(KeyFileError) in [] }
    return (key, table)
  } catch {
    Terminal.complain(error.message)
    return nil
  }
}

private func quoted(_ text: String) -> String { JSON.string(text).text() }

private func list(_ texts: [String]) -> String { "[" + texts.map(quoted).joined(separator: ", ") + "]" }
