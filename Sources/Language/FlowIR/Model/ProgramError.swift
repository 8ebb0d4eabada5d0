/// The reason why an IR file is invalid, with the location in the document.
public struct ProgramError: Error, Hashable, Sendable {
  public var message: String

  public init(_ message: String) { self.message = message }
}
