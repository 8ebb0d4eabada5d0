import FlowJSON
import FlowRuntime
import FlowStoreSQLite

extension Command {
  static let store = Command(
    name: "store", summary: "Back up, restore, check or compact the database of a server.",
    operands: "backup STORE FILE | restore FILE STORE | check STORE | compact STORE",
    options: [Option(name: "format", value: "text|json", help: "how `check` says what it found")],
    example: "flow store backup samples/order.db /var/backups/order.db",
    action: { arguments in
      let words = arguments.operands
      guard let format = arguments.choice("format", of: ["text", "json"]) else { return ExitCode.usage }
      do throws(StoreError) {
        switch (words.first, words.count) {
        case ("backup", 3): return try backup(words[1], words[2])
        case ("restore", 3): return try restore(words[1], words[2])
        case ("check", 2): return try check(words[1], format)
        case ("compact", 2): return try compact(words[1])
        default:
          Terminal.complain(
            "`flow store` takes backup, restore, check or compact, and files", help: "flow store --help")
          return ExitCode.usage
        }
      } catch {
        Terminal.complain(error.message)
        return ExitCode.usage
      }
    })

  private static func backup(_ store: String, _ target: String) throws(StoreError) -> Int32 {
    try StoreFile.backup(store, to: target)
    Terminal.output("\(store) is copied to \(target)\n")
    return ExitCode.fine
  }

  private static func restore(_ backup: String, _ store: String) throws(StoreError) -> Int32 {
    try StoreFile.restore(backup, to: store)
    Terminal.output("\(store) is made from \(backup); whoever followed the old store is told to begin anew\n")
    return ExitCode.fine
  }

  private static func check(_ store: String, _ format: String) throws(StoreError) -> Int32 {
    let problems = try StoreFile.check(store)
    if format == "json" {
      Terminal.output(JSON.object([.init("problems", .array(problems.map { .string($0) }))]).text(.indented) + "\n")
    } else {
      Terminal.output(problems.isEmpty ? "\(store) is sound\n" : problems.map { "\($0)\n" }.joined())
    }
    return problems.isEmpty ? ExitCode.fine : ExitCode.findings
  }

  private static func compact(_ store: String) throws(StoreError) -> Int32 {
    let (before, after) = try StoreFile.compact(store)
    Terminal.output("\(store): \(before / 1024) KiB have become \(after / 1024) KiB\n")
    return ExitCode.fine
  }
}
