/// What a session asks of the world: files, the pages of codes, the time of day, and whether somebody lost patience.
public struct SessionEnvironment {
  /// The text of a file; nil when it can't be read.
  public var load: (String) -> [UInt8]?
  /// Writes a file that is not there yet; false when that is not possible.
  public var create: (String, [UInt8]) -> Bool
  /// The page of a code such as `F104`.
  public var page: (String) -> String?
  /// Milliseconds since 1970.
  public var now: () -> Int64
  /// Whether what is going on is to end.
  public var isInterrupted: () -> Bool

  /// By default there are no pages, nothing is written, time stands still and nobody interrupts.
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
