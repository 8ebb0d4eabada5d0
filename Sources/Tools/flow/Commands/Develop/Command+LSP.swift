import CMemory
import FlowDiagnostics
import FlowLSP
import FlowServer
import Foundation
import Synchronization

extension Command {
  static let lsp = Command(
    name: "lsp", group: .develop, summary: "Run the language server on standard input and output.",
    discussion: "Editors start this command; see Docs/editors.md for their settings.",
    options: [LSPOptions.log], example: "flow lsp --log /tmp/flow-lsp.log",
    action: { arguments throws(UsageError) in
      guard arguments.operands.isEmpty else { throw UsageError("`flow lsp` has no operands") }
      signal(SIGPIPE, SIG_IGN)
      // Each check builds the trees of a whole program, and frees the previous ones.
      flow_return_memory_early()
      let log = arguments[LSPOptions.log]
      if let log, !appendToFile(log, []) { throw UsageError("cannot write `\(log)`") }
      let server = LanguageServer(host: SystemHost.make(log: log)) { bytes in writeToOutput(bytes) }
      let reader = Thread { server.receive(from: readInput) }
      reader.name = "input"
      reader.start()
      return server.run()
    })
}

private enum LSPOptions {
  static let log = Option.text("log", "FILE", help: "append a log of the server to FILE", completion: .files)
}

/// The files and programs of this machine.
private enum SystemHost {
  static func make(log file: String?) -> LanguageServerHost {
    LanguageServerHost(
      version: FlowCommandLine.version, readFile: { readFile($0) }, flowFiles: { flowFiles(at: $0) ?? [] },
      selection: { selection(for: $0) }, page: { page(of: $0) },
      svg: { dot in Graphviz.svg(dot).map { String(decoding: $0, as: UTF8.self) } },
      log: { line in if let file { _ = appendToFile(file, Array((line + "\n").utf8)) } })
  }

  /// The rules of the `flow.toml` that applies to files; the recommended ones when none exists, or an invalid one.
  private static func selection(for files: [String]) -> RuleSelection {
    guard let root = files.last, let configuration = try? Configuration.load(for: root) else { return RuleSelection() }
    var selection = configuration.selection
    for file in files { selection.ignoredByFile[file] = configuration.ignored(in: file) }
    return selection
  }
}

/// The next bytes of standard input; empty at its end.
private func readInput() -> [UInt8] {
  var chunk = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(STDIN_FILENO, &chunk, chunk.count)
    if count < 0, errno == EINTR { continue }
    return count > 0 ? Array(chunk[..<count]) : []
  }
}

private func writeToOutput(_ bytes: [UInt8]) {
  var rest = bytes[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    if count < 0, errno == EINTR { continue }
    guard count > 0 else { return }
    rest = rest.dropFirst(count)
  }
}
