import FlowJSON
import FlowRuntime
import FlowStoreSQLite
import Glibc

extension Command {
  static let store = Command(
    name: "store", group: .serve,
    summary: "Back up, restore, check, compact or copy the database of a server, and read its archive.",
    operands:
      "backup STORE FILE\nrestore FILE STORE\ncheck STORE\ncompact STORE\ncopy FROM TO\n"
      + "archive list FILE\narchive show FILE FLOW KEY\narchive restore FILE FLOW KEY STORE",
    completion: .words(["backup", "restore", "check", "compact", "copy", "archive"]), options: [StoreOptions.format],
    example: "flow store backup samples/order.db /var/backups/order.db",
    action: { arguments throws(UsageError) in
      let words = arguments.operands
      do throws(StoreError) {
        switch (words.first, words.count) {
        case ("backup", 3): return try backup(words[1], to: words[2])
        case ("restore", 3): return try restore(words[1], to: words[2])
        case ("check", 2): return try check(words[1], isJSON: arguments[StoreOptions.format] == .json)
        case ("compact", 2): return try compact(words[1])
        case ("copy", 3): return try copy(words[1], to: words[2])
        case ("archive", 3...): if let code = try archive(Array(words.dropFirst())) { return code }
        default: break
        }
      } catch {
        throw UsageError(error.message)
      }
      throw UsageError(
        "`flow store` requires backup, restore, check, compact, copy or archive, and its files",
        help: "see `flow store --help`")
    })

  private static func backup(_ store: String, to target: String) throws(StoreError) -> Int32 {
    try StoreFile.backup(store, to: target)
    Terminal.output("backed up \(store) to \(target)\n")
    return ExitCode.success
  }

  private static func restore(_ backup: String, to store: String) throws(StoreError) -> Int32 {
    try StoreFile.restore(backup, to: store, progress: report)
    Terminal.output("restored \(store) from \(backup); existing subscribers will resynchronize\n")
    return ExitCode.success
  }

  private static func check(_ store: String, isJSON: Bool) throws(StoreError) -> Int32 {
    let problems = try StoreFile.check(store, progress: report)
    if isJSON {
      Terminal.output(JSON.object([.init("problems", .array(problems.map { .string($0) }))]).text(.indented) + "\n")
    } else {
      Terminal.output(problems.isEmpty ? "\(store) is sound\n" : problems.map { "\($0)\n" }.joined())
    }
    return problems.isEmpty ? ExitCode.success : ExitCode.findings
  }

  /// Shows the progress of a long check on a terminal.
  private static func report(_ progress: CheckProgress) {
    guard progress.done > 0, isatty(STDERR_FILENO) == 1 else { return }
    Terminal.errorOutput("\(progress.phase): \(progress.done) of \(progress.total)\n")
  }

  /// - Returns: Nil when the words are no command.
  private static func archive(_ words: [String]) throws(StoreError) -> Int32? {
    switch (words[0], words.count) {
    case ("list", 2):
      return try readArchive(words[1]) { entry in
        let document = entry.document
        let end = document["endedAt"]?.string ?? document["foldedAt"]?.string ?? ""
        let status = entry.isWhole ? document["status"]?.string ?? "" : "journal"
        Terminal.output("\(entry.flow)\t\(entry.key)\t\(status)\t\(end)\n")
      }
    case ("show", 4):
      var isFound = false
      let code = try readArchive(words[1]) { entry in
        guard entry.flow == words[2], entry.key == words[3] else { return }
        isFound = true
        Terminal.output(entry.document.text(.indented) + "\n")
      }
      return isFound ? code : ExitCode.findings
    case ("restore", 5):
      var found: Archive.Entry?
      _ = try readArchive(words[1]) { entry in
        if entry.flow == words[2], entry.key == words[3], entry.isWhole { found = entry }
      }
      guard let found else { throw .unusable("`\(words[2])/\(words[3])` is not in the archive as a whole") }
      try StoreFile.restore(found, into: words[4], now: currentMilliseconds())
      Terminal.output("restored \(words[2])/\(words[3]) into \(words[4])\n")
      return ExitCode.success
    default: return nil
    }
  }

  /// Reads an archive and reports damaged lines.
  private static func readArchive(
    _ path: String, _ body: (Archive.Entry) -> Void
  ) throws(StoreError) -> Int32 {
    let damage = try Archive(path: path).read { entry throws(StoreError) in body(entry) }
    for line in damage { Terminal.error("`\(line.file)` line \(line.line) is damaged") }
    return damage.isEmpty ? ExitCode.success : ExitCode.findings
  }

  private static func compact(_ store: String) throws(StoreError) -> Int32 {
    let (before, after) = try StoreFile.compact(store)
    Terminal.output("compacted \(store) from \(before / 1024) KiB to \(after / 1024) KiB\n")
    return ExitCode.success
  }
}

/// The options of `flow store`.
private enum StoreOptions {
  static let format = Option.choice("format", short: "f", default: TextFormat.text, help: "output format of `check`")
}
