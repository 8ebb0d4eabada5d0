/// Identifies an instance: a key is unique within its flow.
public struct InstanceID: Hashable, Sendable {
  public var flow: String
  public var key: String

  /// Byte for byte, as stores compare.
  public static func == (a: InstanceID, b: InstanceID) -> Bool {
    a.key.utf8.elementsEqual(b.key.utf8) && a.flow.utf8.elementsEqual(b.flow.utf8)
  }

  init(flow: String, key: String) {
    self.flow = flow
    self.key = key
  }

  init(_ row: InstanceRow) { self.init(flow: row.flow, key: row.key) }
}
