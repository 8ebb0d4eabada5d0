import CEL
import FlowJSON
public import FlowRuntime

extension StoreFile {
  /// Puts an archived instance back into its store, with its journal: it stays for the whole retention again.
  ///
  /// No process may serve the store meanwhile.
  /// - Parameter now: The instant of the restore, in milliseconds since 1970.
  /// - Throws: `.unusable` when the line is of another store, holds only a part of an instance, or the key is in use.
  public static func restore(_ entry: Archive.Entry, into path: String, now: Int64) throws(StoreError) {
    let name = "`\(entry.flow)/\(entry.key)`"
    _ = try open(path)
    let lock = try StoreLock(path: path)
    let connection = try SQLiteConnection(path: lock.path, isReadOnly: false)
    try Schema.prepare(connection, path: path)
    guard entry.isWhole, let instance = ArchivedInstance(entry, restoredAt: now) else {
      throw .unusable("the archive has only the older part of the journal of \(name)")
    }
    guard instance.store == (try connection.text("SELECT value FROM meta WHERE name = 'identity'")) else {
      throw .unusable("\(name) was archived from another store")
    }
    try connection.run("BEGIN IMMEDIATE")
    do throws(StoreError) {
      try instance.insert(into: connection)
      try connection.run("COMMIT")
    } catch {
      try? connection.run("ROLLBACK")
      if case .unavailable(let message) = error, message.contains("UNIQUE") {
        throw .unusable("\(name) is in the store already")
      }
      throw error
    }
  }
}

/// The rows of an instance from a line of the archive.
private struct ArchivedInstance {
  let store: String
  private let row: InstanceRow
  private let entries: [JournalEntry]

  init?(_ entry: Archive.Entry, restoredAt now: Int64) {
    let document = entry.document
    guard let store = document["store"]?.string, let id = document["id"]?.int, let revision = document["revision"]?.int,
      let definition = document["definition"]?.string,
      let status = document["status"]?.string.flatMap({ InstanceStatus(name: $0) }),
      let started = ArchivedInstance.instant(document["startedAt"])
    else { return nil }
    self.store = store
    row = InstanceRow(
      id: Int64(id), flow: entry.flow, key: entry.key, definition: definition, status: status, revision: revision,
      startedAt: started, updatedAt: now, position: (document["position"] ?? .null).bytes(),
      data: (document["data"] ?? .null).bytes())
    entries = (document["journal"]?.array ?? []).compactMap { line in
      guard let sequence = line["offset"]?.int, let revision = line["revision"]?.int, let kind = line["type"]?.string,
        let at = ArchivedInstance.instant(line["at"])
      else { return nil }
      return JournalEntry(
        sequence: Int64(sequence), instance: Int64(id), flow: entry.flow, key: entry.key, revision: revision,
        kind: JournalEntry.Kind(stored: kind), at: at, body: line["data"] ?? .null)
    }
  }

  private static func instant(_ json: JSON?) -> Int64? {
    json?.string.flatMap { Timestamp($0) }.map { $0.seconds * 1000 + Int64($0.nanoseconds) / 1_000_000 }
  }

  func insert(into connection: SQLiteConnection) throws(StoreError) {
    let find = try connection.prepare("SELECT id FROM definition WHERE hash = ?1")
    find.bind(.text(row.definition))
    guard try find.next() else { throw .unusable("the program of `\(row.flow)/\(row.key)` is not in the store") }
    let definition = find.integer(0)
    find.reset()
    let add = try connection.prepare(SummedTable.journal.insert())
    var previous: Int64 = 0
    for entry in entries {
      try add.run(
        .integer(entry.sequence), .integer(entry.instance), .integer(Int64(entry.revision)),
        .text(entry.kind.rawValue), .integer(entry.at), .json(entry.body.bytes()), .integer(previous), .null, .null,
        .null)
      previous = entry.sequence
    }
    try connection.prepare(SummedTable.instance.insert()).run(
      .integer(row.id), .text(row.flow), .text(row.key), .integer(definition), .integer(Int64(row.status.rawValue)),
      .integer(Int64(row.revision)), .integer(row.startedAt), .integer(row.updatedAt), .json(row.position),
      .json(row.data), .text(""), .integer(previous))
    try connection.prepare("DELETE FROM tombstone WHERE flow = ?1 AND key = ?2").run(.text(row.flow), .text(row.key))
    try connection.prepare("DELETE FROM archived_answer WHERE flow = ?1 AND key = ?2").run(
      .text(row.flow), .text(row.key))
  }
}
