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
  public var status: InstanceStatus
  /// Milliseconds since 1970.
  public var endedAt: Int64

  public init(status: InstanceStatus, endedAt: Int64) {
    self.status = status
    self.endedAt = endedAt
  }
}
