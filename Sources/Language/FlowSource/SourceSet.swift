/// The files of one compilation, laid end to end, so that an offset names its file.
public struct SourceSet: Sendable {
  public private(set) var files: [SourceFile] = []

  public init() {}

  /// Appends a file.
  /// - Returns: The file, or nil when the set would pass 4 GiB.
  @discardableResult
  public mutating func add(name: String, text: [UInt8]) -> SourceFile? {
    let base = files.last.map { UInt64($0.range.upper) + 1 } ?? 0
    guard base + UInt64(text.count) < UInt64(UInt32.max) else { return nil }
    let file = SourceFile(name: name, text: text, base: UInt32(base))
    files.append(file)
    return file
  }

  /// The file that contains `offset`. The offset after a file's last byte belongs to it.
  /// - Complexity: O(log files).
  public func file(at offset: UInt32) -> SourceFile? {
    var low = 0
    var high = files.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if files[middle].base <= offset { low = middle } else { high = middle }
    }
    return low < files.count ? files[low] : nil
  }

  public func string(_ range: SourceRange) -> String { file(at: range.lower)?.string(range) ?? "" }
}
