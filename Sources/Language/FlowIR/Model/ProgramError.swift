/// Why an IR file can't be run, and where in it.
public struct ProgramError: Error, Hashable, Sendable {
  public var message: String

  public init(_ message: String) { self.message = message }
}
