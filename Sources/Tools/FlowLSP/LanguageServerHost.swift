public import FlowDiagnostics

/// The access of the language server to its surroundings.
public struct LanguageServerHost: Sendable {
  /// The contents of a file; nil when it can't be read.
  public var readFile: @Sendable (_ path: String) -> [UInt8]?
  /// The `.flow` files below a folder.
  public var flowFiles: @Sendable (_ folder: String) -> [String]
  /// The rules that are enabled for files of one program.
  public var selection: @Sendable (_ files: [String]) -> RuleSelection
  /// The page about a diagnostic code, in Markdown.
  public var page: @Sendable (_ code: String) -> String?
  /// A picture of a diagram in the language of Graphviz; nil when Graphviz is not installed.
  public var svg: @Sendable (_ dot: String) -> String?
  /// Writes a line to the log.
  public var log: @Sendable (String) -> Void
  public var version: String

  public init(
    version: String, readFile: @escaping @Sendable (String) -> [UInt8]?,
    flowFiles: @escaping @Sendable (String) -> [String], selection: @escaping @Sendable ([String]) -> RuleSelection,
    page: @escaping @Sendable (String) -> String?, svg: @escaping @Sendable (String) -> String?,
    log: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.version = version
    self.readFile = readFile
    self.flowFiles = flowFiles
    self.selection = selection
    self.page = page
    self.svg = svg
    self.log = log
  }
}
