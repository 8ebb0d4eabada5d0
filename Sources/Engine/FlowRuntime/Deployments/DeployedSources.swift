public import FlowJSON
public import FlowMachine

/// A source file of a program.
public struct SourceText: Hashable, Sendable {
  /// The name in diagnostics.
  public var name: String
  public var text: String

  public init(name: String, text: String) {
    self.name = name
    self.text = text
  }

  /// The files of a program in the format of a store.
  public static func json(_ files: [SourceText]) -> JSON {
    .array(files.map { ["name": .string($0.name), "text": .string($0.text)] })
  }

  /// The files of a program from a store.
  public static func read(_ stored: [UInt8]) -> [SourceText] {
    ((try? JSON(parsing: stored))?.array ?? []).compactMap { file in
      guard let name = file["name"]?.string, let text = file["text"]?.string else { return nil }
      return SourceText(name: name, text: text)
    }
  }
}

/// A program from which a flow is, or was, served.
public struct VersionRow: Hashable, Sendable {
  public var flow: String
  /// The hash of the program.
  public var definition: String
  /// The version number that the flow declares; nil where it was not stored.
  public var number: Int?
  /// The origin of that deployment; empty where it was not stored.
  public var origin: String
  /// The instant of the first deployment, in milliseconds since 1970.
  public var at: Int64

  public init(flow: String, definition: String, number: Int?, origin: String, at: Int64) {
    self.flow = flow
    self.definition = definition
    self.number = number
    self.origin = origin
    self.at = at
  }
}

extension Catalogue.Entry {
  /// The flow as it was served earlier, in a version that starts no new instances.
  /// - Returns: Nil when the program has no such flow.
  public func earlier(_ row: VersionRow, in machine: Machine) -> Catalogue.Entry? {
    guard let flow = machine.flow(named: name) else { return nil }
    return Catalogue.Entry(
      name: name, machine: machine, flow: flow, hash: row.definition, origin: row.origin, deployedAt: row.at,
      isRetired: true)
  }
}
