import FlowJSON
import FlowRuntime
import FlowStoreSQLite

extension Command {
  static let store = Command(
    name: "store", group: .serve, summary: "Back up, restore, check or compact the database of a server.",
    operands: "backup STORE FILE\nrestore FILE STORE\ncheck STORE\ncompact STORE",
    completion: .words(["backup", "restore", "check", "compact"]), options: [StoreOptions.format],
    example: "flow store backup samples/order.db /var/backups/order.db",
    action: { arguments throws(UsageError) in
      let words = arguments.operands
      do throws(StoreError) {
        switch (words.first, words.count) {
        case ("backup", 3): return try backup(words[1], to: words[2])
        case ("restore", 3): return try restore(words[1], to: words[2])
        case ("check", 2): return try check(words[1], isJSON: arguments[StoreOptions.format] == .json)
        case ("compact", 2): return try compact(words[1])
        default: break
        }
      } catch {
        throw UsageError(error.message)
      }
      throw UsageError(
        "`flow store` requires backup, restore, check or compact, and its files", help: "see `flow store --help`")
    })

  private static func backup(_ store: String, to target: String) throws(StoreError) -> Int32 {
    try StoreFile.backup(store, to: target)
    Terminal.output("backed up \(store) to \(target)\n")
    return ExitCode.success
  }

  private static func restore(_ backup: String, to store: String) throws(StoreError) -> Int32 {
    try StoreFile.restore(backup, to: store)
    Terminal.output("restored \(store) from \(backup); existing subscribers will resynchronize\n")
    return ExitCode.success
  }

  private static func check(_ store: String, isJSON: Bool) throws(StoreError) -> Int32 {
    let problems = try StoreFile.check(store)
    if isJSON {
      Terminal.output(JSON.object([.init("problems", .array(problems.map { .string($0) }))]).text(.indented) + "\n")
    } else {
      Terminal.output(problems.isEmpty ? "\(store) is sound\n" : problems.map { "\($0)\n" }.joined())
    }
    return problems.isEmpty ? ExitCode.success : ExitCode.findings
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
