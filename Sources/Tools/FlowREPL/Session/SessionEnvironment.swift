/// The access of a session to the outside: files, diagnostics pages, the clock, and interruption by the user.
public struct SessionEnvironment {
  /// The text of a file; nil when it can't be read.
  public var load: (String) -> [UInt8]?
  /// Creates a file; false when it exists or can't be created.
  public var create: (String, [UInt8]) -> Bool
  /// The page of a diagnostic code such as `F104`.
  public var page: (String) -> String?
  /// Milliseconds since 1970.
  public var now: () -> Int64
  /// True if the current command is to be cancelled.
  public var isInterrupted: () -> Bool

  /// The defaults provide no pages and no interruption, write no files, and return a constant time.
  public init(
    load: @escaping (String) -> [UInt8]?, create: @escaping (String, [UInt8]) -> Bool = { _, _ in false },
    page: @escaping (String) -> String? = { _ in nil }, now: @escaping () -> Int64 = { 0 },
    isInterrupted: @escaping () -> Bool = { false }
  ) {
    self.load = load
    self.create = create
    self.page = page
    self.now = now
    self.isInterrupted = isInterrupted
  }
}
