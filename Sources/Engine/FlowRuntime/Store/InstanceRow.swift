import FlowIR
public import FlowJSON

/// The row of an instance.
public struct InstanceRow: Hashable, Sendable {
  public var id: Int64
  public var flow: String
  public var key: String
  /// The hash of the program that it runs.
  public var definition: String
  public var status: InstanceStatus
  public var revision: Int
  /// Milliseconds since 1970.
  public var startedAt: Int64
  public var updatedAt: Int64
  /// The active states, timers and calls, as JSON.
  public var position: [UInt8]
  /// The data, as JSON.
  public var data: [UInt8]
  /// The reason why its last timer or result failed; empty without an incident.
  public var incident: String

  public init(
    id: Int64, flow: String, key: String, definition: String, status: InstanceStatus, revision: Int, startedAt: Int64,
    updatedAt: Int64, position: [UInt8], data: [UInt8], incident: String = ""
  ) {
    self.id = id
    self.flow = flow
    self.key = key
    self.definition = definition
    self.status = status
    self.revision = revision
    self.startedAt = startedAt
    self.updatedAt = updatedAt
    self.position = position
    self.data = data
    self.incident = incident
  }
}

/// Identifies an item of a call over a list.
public struct ItemID: Hashable, Comparable, Sendable {
  public var instance: Int64
  /// The index of the call in its flow.
  public var call: Int
  /// The position in the list.
  public var index: Int

  public init(instance: Int64, call: Int, index: Int) {
    self.instance = instance
    self.call = call
    self.index = index
  }

  public static func < (a: ItemID, b: ItemID) -> Bool {
    (a.instance, a.call, a.index) < (b.instance, b.call, b.index)
  }
}

/// An item of a call over a list that is not complete.
public struct ItemRow: Hashable, Sendable {
  public var id: ItemID
  /// Its value, its job or its arguments, and its outcome, as JSON.
  public var document: [UInt8]

  public init(id: ItemID, document: [UInt8]) {
    self.id = id
    self.document = document
  }
}

extension [ItemRow] {
  /// The documents by call, in the order of the items.
  /// - Throws: `JSONError` for a damaged row.
  public func documents() throws -> [Int: [JSON]] {
    var found: [Int: [JSON]] = [:]
    for row in self { found[row.id.call, default: []].append(try JSON(parsing: row.document)) }
    return found
  }
}

/// The state of an instance at an earlier instant. Its history starts there if the entries before it were archived.
public struct InstanceSnapshot: Hashable, Sendable {
  public var instance: Int64
  /// The sequence number of the last entry that led to it.
  public var sequence: Int64
  /// The instant of the snapshot, in milliseconds since 1970.
  public var at: Int64
  /// The hash of the program that it ran.
  public var definition: String
  public var status: InstanceStatus
  public var revision: Int
  public var startedAt: Int64
  /// The states and the data, in the form of ``InstanceRow``.
  public var position: [UInt8]
  public var data: [UInt8]

  public init(
    instance: Int64, sequence: Int64, at: Int64, definition: String, status: InstanceStatus, revision: Int,
    startedAt: Int64,
    position: [UInt8], data: [UInt8]
  ) {
    self.instance = instance
    self.sequence = sequence
    self.at = at
    self.definition = definition
    self.status = status
    self.revision = revision
    self.startedAt = startedAt
    self.position = position
    self.data = data
  }
}

/// The record of an archived instance.
public struct Tombstone: Hashable, Sendable {
  /// The number of the instance; 0 for one that was archived before numbers were recorded.
  public var instance: Int64
  public var status: InstanceStatus
  /// Milliseconds since 1970.
  public var endedAt: Int64
  /// The instant until which its flow has declared the key to be taken, in milliseconds since 1970; the largest number
  /// indefinitely. Nil without a declaration: the key is taken for as long as the record is kept.
  public var keyTakenUntil: Int64?

  public init(instance: Int64 = 0, status: InstanceStatus, endedAt: Int64, keyTakenUntil: Int64? = nil) {
    self.instance = instance
    self.status = status
    self.endedAt = endedAt
    self.keyTakenUntil = keyTakenUntil
  }

  /// Returns true if the record has outlived its declared time, although maintenance has not removed it yet.
  public func isOver(at now: Int64) -> Bool { keyTakenUntil.map { $0 <= now } ?? false }
}

/// The lifetimes of keys that the programs of a store declare, each program read once.
package struct DeclaredKeyLifetimes: Sendable {
  private var known: [String: [String: KeyLifetime]] = [:]

  package init() {}

  /// The instant until which the key of an ended instance is taken; nil when its flow declares none.
  /// - Parameter program: The document of the program of the instance.
  /// - Throws: `.unavailable` when the program cannot be read, so that no key is freed early.
  package mutating func end(
    of row: InstanceRow, program: () throws(StoreError) -> [UInt8]?
  ) throws(StoreError) -> Int64? {
    if let lifetimes = known[row.definition] { return lifetimes[row.flow]?.end(ofKeyEndedAt: row.updatedAt) }
    guard let document = try program().flatMap({ try? JSON(parsing: $0) }) else {
      throw .unavailable("the program of `\(row.flow)/\(row.key)` can't be read")
    }
    let lifetimes = KeyLifetime.declared(inProgram: document)
    known[row.definition] = lifetimes
    return lifetimes[row.flow]?.end(ofKeyEndedAt: row.updatedAt)
  }
}
