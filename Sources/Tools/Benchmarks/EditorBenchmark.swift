import Dispatch
import FlowDiagnostics
import FlowGenerator
import FlowJSON
import FlowLSP
import Foundation
import Synchronization

/// The latencies of the language server while a program is edited: the 95th percentiles, at three sizes.
enum EditorBenchmark {
  static func run() {
    for lines in [1000, 10_000, 30_000] { run(lines: lines) }
  }

  private static func run(lines: Int) {
    let project = generateProject(lines: lines)
    let files = Dictionary(uniqueKeysWithValues: project.map { ("/bench/" + $0.path, Array($0.text.utf8)) })
    let largest = project.max { $0.text.utf8.count < $1.text.utf8.count }
    guard let largest else { return }
    let count = files.values.reduce(0) { $0 + $1.count { $0 == UInt8(ascii: "\n") } }
    let client = EditorClient(files: files)
    client.open(path: "/bench/" + largest.path, text: largest.text)
    let turns = lines > 10_000 ? 20 : 40
    for (name, method) in [
      ("hover", "textDocument/hover"), ("completion", "textDocument/completion"),
      ("definition", "textDocument/definition"), ("symbols", "textDocument/documentSymbol"),
      ("folding", "textDocument/foldingRange"), ("tokens", "textDocument/semanticTokens/full"),
      ("format", "textDocument/formatting"), ("highlight", "textDocument/documentHighlight"),
    ] {
      let times = (0..<turns).map { turn in client.askAfterEdit(method, turn: turn) }
      report("editor \(count) lines, \(name)", "\(short(percentile(times))) ms", note: "p95 of \(turns), after an edit")
    }
    let renames = (0..<10).map { turn in client.askAfterEdit("textDocument/rename", turn: turn) }
    report("editor \(count) lines, rename", "\(short(percentile(renames))) ms", note: "with a check of the program")
    let checks = (0..<10).map { turn in client.findings(turn: turn) }
    report(
      "editor \(count) lines, diagnostics", "\(short(percentile(checks))) ms",
      note: "from the edit, with the pause of 60 ms")
    client.close()
  }

  private static func percentile(_ times: [Double]) -> Double {
    let sorted = times.sorted()
    return sorted[min(sorted.count - 1, sorted.count * 95 / 100)]
  }
}

/// A client in the same process.
private final class EditorClient: Sendable {
  private struct State {
    var input: [[UInt8]] = []
    var answered = 0
    var published = 0
    var nextID = 1
    var version = 1
    var text: [Substring] = []
    var path = ""
  }

  private let state = Mutex(State())
  private let arrived = DispatchSemaphore(value: 0)
  private let answers = DispatchSemaphore(value: 0)
  private let findings = DispatchSemaphore(value: 0)

  init(files: [String: [UInt8]]) {
    let host = LanguageServerHost(
      version: "bench", readFile: { files[$0] }, flowFiles: { _ in Array(files.keys) },
      selection: { _ in RuleSelection() },
      page: { _ in nil }, svg: { _ in nil })
    let server = LanguageServer(host: host) { [answers, findings] bytes in
      let text = String(decoding: bytes.prefix(200), as: UTF8.self)
      if text.contains("publishDiagnostics") { findings.signal() } else if text.contains("\"id\":") { answers.signal() }
    }
    Thread { server.receive { self.read() } }.start()
    Thread { _ = server.run() }.start()
    _ = ask("initialize", ["capabilities": [:], "rootUri": "file:///bench"])
  }

  private func read() -> [UInt8] {
    arrived.wait()
    return state.withLock { $0.input.isEmpty ? [] : $0.input.removeFirst() }
  }

  private func send(_ json: JSON) {
    let content = json.bytes()
    state.withLock { $0.input.append(Array("Content-Length: \(content.count)\r\n\r\n".utf8) + content) }
    arrived.signal()
  }

  /// Milliseconds until the answer.
  private func ask(_ method: String, _ parameters: JSON) -> Double {
    let id = state.withLock { state in
      defer { state.nextID += 1 }
      return state.nextID
    }
    let start = nanoseconds()
    send(["jsonrpc": "2.0", "id": .int(Int64(id)), "method": .string(method), "params": parameters])
    answers.wait()
    return Double(nanoseconds() - start) / 1e6
  }

  func open(path: String, text: String) {
    state.withLock { state in
      state.path = path
      state.text = text.split(separator: "\n", omittingEmptySubsequences: false)
    }
    let item: JSON = [
      "uri": .string("file://" + path), "languageId": "flow", "version": 1, "text": .string(text),
    ]
    send(["jsonrpc": "2.0", "method": "textDocument/didOpen", "params": ["textDocument": item]])
    findings.wait()
  }

  /// Adds or removes a space at the end of a line.
  private func edit(turn: Int) -> JSON {
    let (uri, version, line) = state.withLock { state in
      state.version += 1
      return (JSON.string("file://" + state.path), state.version, state.text.count - 1)
    }
    let start: JSON = ["line": .int(Int64(line)), "character": 0]
    let end: JSON = ["line": .int(Int64(line)), "character": turn.isMultiple(of: 2) ? 0 : 1]
    send([
      "jsonrpc": "2.0", "method": "textDocument/didChange",
      "params": [
        "textDocument": ["uri": uri, "version": .int(Int64(version))],
        "contentChanges": [["range": ["start": start, "end": end], "text": turn.isMultiple(of: 2) ? " " : ""]],
      ],
    ])
    return uri
  }

  /// Milliseconds until the answer to a question about a name, directly after an edit.
  func askAfterEdit(_ method: String, turn: Int) -> Double {
    let uri = edit(turn: turn)
    let lines = state.withLock { $0.text }
    let starts = lines.indices.filter { lines[$0].contains("-> ") }
    let line = starts[(turn * 37) % max(starts.count, 1)]
    let target = lines[line].components(separatedBy: "-> ")[0].utf8.count + 3
    return ask(
      method,
      [
        "textDocument": ["uri": uri], "newName": .string("renamed\(turn)"),
        "options": ["tabSize": 2, "insertSpaces": true],
        "position": ["line": .int(Int64(line)), "character": .int(Int64(target))],
      ])
  }

  /// Milliseconds from an edit to its diagnostics.
  func findings(turn: Int) -> Double {
    while findings.wait(timeout: .now() + .milliseconds(300)) == .success {}
    let start = nanoseconds()
    _ = edit(turn: turn)
    findings.wait()
    return Double(nanoseconds() - start) / 1e6
  }

  func close() {
    _ = ask("shutdown", .null)
    send(["jsonrpc": "2.0", "method": "exit"])
    arrived.signal()
  }
}
