public import FlowJSON
public import FlowRuntime
import Glibc

/// Reads an archive, and restores its instances to their store.
public struct Archive {
  /// One line: an ended instance, or the first part of the history of a running one.
  public struct Entry: Sendable {
    public var flow: String
    public var key: String
    /// The instance as JSON, with its data and journal.
    public var document: JSON

    /// True if the whole instance was archived, and not only the older part of its journal.
    public var isWhole: Bool { document["endedAt"] != nil }
  }

  /// An unreadable line.
  public struct Damage: Hashable, Sendable {
    public var file: String
    /// From 1.
    public var line: Int
  }

  private let path: String

  /// - Parameter path: The newest file of the archive; the numbered ones next to it are read as well.
  /// - Throws: `.unusable` when there is no such archive.
  public init(path: String) throws(StoreError) {
    guard !ArchiveFile.segments(of: path).isEmpty else { throw .unusable("there is no archive `\(path)`") }
    self.path = path
  }

  /// Reads all lines, oldest first. A line that was archived twice, because of a crash between the writes to archive
  /// and store, is passed once.
  /// - Returns: The unreadable lines.
  /// - Throws: `.unusable` when a file can't be read, and the error of `body`.
  public func read(_ body: (Entry) throws(StoreError) -> Void) throws(StoreError) -> [Damage] {
    var damage: [Damage] = []
    var seen: Set<String> = []
    for segment in ArchiveFile.segments(of: path) {
      try Archive.lines(of: segment.path) { number, line throws(StoreError) in
        guard let document = ArchiveLine.document(line), let entry = Entry(document) else {
          damage.append(Damage(file: segment.path, line: number))
          return
        }
        if seen.insert(entry.identity).inserted { try body(entry) }
      }
    }
    return damage
  }

  private static func lines(
    of path: String, _ body: (Int, ArraySlice<UInt8>) throws(StoreError) -> Void
  ) throws(StoreError) {
    guard let file = fopen(path, "re") else {
      throw .unusable("cannot read `\(path)`: \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var buffer: UnsafeMutablePointer<CChar>?
    defer { free(buffer) }
    var capacity = 0
    var number = 0
    while true {
      let count = getline(&buffer, &capacity, file)
      guard count > 0, let buffer else { return }
      number += 1
      var line = Array(UnsafeRawBufferPointer(start: buffer, count: count))
      if line.last == 0x0A { line.removeLast() }
      if !line.isEmpty { try body(number, line[...]) }
    }
  }
}

extension Archive.Entry {
  fileprivate init?(_ document: JSON) {
    guard let flow = document["flow"]?.string, let key = document["key"]?.string else { return nil }
    self.init(flow: flow, key: key, document: document)
  }

  /// The same for two lines of one event.
  fileprivate var identity: String {
    let last = document["journal"]?.array?.last?["offset"]?.int ?? 0
    return "\(document["store"]?.string ?? "")/\(last)/\(flow)/\(key)/\(isWhole)"
  }
}
