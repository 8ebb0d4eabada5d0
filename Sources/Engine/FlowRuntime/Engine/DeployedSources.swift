public import FlowJSON
public import FlowMachine

/// A file that a program was compiled from.
public struct SourceText: Hashable, Sendable {
  /// As diagnostics and places name it.
  public var name: String
  public var text: String

  public init(name: String, text: String) {
    self.name = name
    self.text = text
  }

  /// How stores keep the files of a program.
  public static func json(_ files: [SourceText]) -> JSON {
    .array(files.map { ["name": .string($0.name), "text": .string($0.text)] })
  }

  /// The files of a program as a store has kept them.
  public static func read(_ kept: [UInt8]) -> [SourceText] {
    ((try? JSON(parsing: kept))?.array ?? []).compactMap { file in
      guard let name = file["name"]?.string, let text = file["text"]?.string else { return nil }
      return SourceText(name: name, text: text)
    }
  }
}

/// A program that a flow is, or once was, served from.
public struct VersionRow: Hashable, Sendable {
  public var flow: String
  /// The hash of the program.
  public var definition: String
  /// The number that the flow gives itself; nil where that was not kept.
  public var number: Int?
  /// Where it came from then; empty where that was not kept.
  public var origin: String
  /// When it was deployed first, in milliseconds since 1970.
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
  /// The flow as it was served earlier: nothing new begins in that version.
  /// - Returns: Nil when the program has no such flow.
  public func earlier(_ row: VersionRow, _ machine: Machine) -> Catalogue.Entry? {
    guard let flow = machine.flow(named: name) else { return nil }
    return Catalogue.Entry(
      name: name, machine: machine, flow: flow, hash: row.definition, origin: row.origin, deployedAt: row.at,
      isRetired: true)
  }
}
