import CPowerCut
import FlowGenerator
import Foundation

@testable import FlowStoreSQLite

/// The content of a folder after a power cut: the files by name.
typealias DiskImage = [String: [UInt8]]

/// A disk that records the synced state of each file, and the later operations that may have been performed or not.
final class Disk {
  /// The treatment of operations that were not synced.
  enum Mood: CaseIterable {
    /// None was performed.
    case lazy
    /// All were performed.
    case eager
    /// They were performed in order until the cut, in the middle of a write.
    case orderly
    /// Each sector is old or new, and added sectors may contain random bytes.
    case careless
  }

  fileprivate enum Change {
    case write(at: Int, [UInt8])
    case truncate(to: Int)
  }

  private struct File {
    var synced: [UInt8] = []
    /// The operations in order, with their position in the order of all operations of the disk.
    var pending: [(position: Int, change: Change)] = []
  }

  fileprivate enum NameChange {
    case link(String, Int)
    case unlink(String)
  }

  static let sector = 512

  private var files: [Int: File] = [:]
  private var names: [String: Int] = [:]
  private var syncedNames: [String: Int] = [:]
  private var pendingNames: [NameChange] = []
  private var position = 0
  /// Called after each change with false, and after each sync with true.
  var noticed: (_ isSync: Bool) -> Void = { _ in }

  /// Watches the files whose paths have a prefix, until ``release()``.
  init(watching prefix: String) throws {
    let observer = powercut_observer(
      created: { Disk.at($0)?.create(Disk.text($1)) },
      written: { Disk.at($0)?.write(Disk.text($1), Int($2), $3, Int($4)) },
      truncated: { Disk.at($0)?.change(Disk.text($1), .truncate(to: Int($2))) },
      synced: { Disk.at($0)?.sync(Disk.text($1)) },
      removed: { Disk.at($0)?.remove(Disk.text($1)) },
      folder_synced: { Disk.at($0)?.syncNames() })
    let isWatching = withUnsafePointer(to: observer) {
      powercut_watch(prefix, $0, Unmanaged.passUnretained(self).toOpaque())
    }
    guard isWatching == 1 else { throw CocoaError(.featureUnsupported) }
  }

  /// Ends the watch; the disk must exist until then.
  func release() { powercut_rest() }

  private static func at(_ context: UnsafeMutableRawPointer?) -> Disk? {
    context.map { Unmanaged<Disk>.fromOpaque($0).takeUnretainedValue() }
  }

  private static func text(_ name: UnsafePointer<CChar>?) -> String {
    name.map { URL(filePath: String(cString: $0)).lastPathComponent } ?? ""
  }

  /// Records the operations of the archive, whose files SQLite does not see.
  func note(_ operation: ArchiveFile.Operation) {
    func name(_ path: String) -> String { URL(filePath: path).lastPathComponent }
    switch operation {
    case .created(let path): create(name(path))
    case .wrote(let path, let offset, let bytes): change(name(path), .write(at: offset, bytes))
    case .truncated(let path, let size): change(name(path), .truncate(to: size))
    case .synced(let path): sync(name(path))
    case .renamed(let path, let other):
      guard let id = names[name(path)] else { return }
      names[name(other)] = id
      names[name(path)] = nil
      pendingNames += [.link(name(other), id), .unlink(name(path))]
      noticed(false)
    case .syncedFolder: syncNames()
    }
  }

  // MARK: - Operations

  private func create(_ name: String) {
    position += 1
    files[position] = File()
    names[name] = position
    pendingNames.append(.link(name, position))
    noticed(false)
  }

  private func write(_ name: String, _ offset: Int, _ bytes: UnsafeRawPointer?, _ count: Int) {
    change(name, .write(at: offset, Array(UnsafeRawBufferPointer(start: bytes, count: count))))
  }

  private func change(_ name: String, _ change: Change) {
    guard let id = names[name] else { return }
    position += 1
    files[id]?.pending.append((position, change))
    noticed(false)
  }

  private func sync(_ name: String) {
    guard let id = names[name], var file = files[id] else { return }
    for (_, change) in file.pending { change.apply(to: &file.synced) }
    file.pending = []
    files[id] = file
    noticed(true)
  }

  private func remove(_ name: String) {
    names[name] = nil
    pendingNames.append(.unlink(name))
    noticed(false)
  }

  private func syncNames() {
    for change in pendingNames { change.apply(to: &syncedNames) }
    pendingNames = []
    let kept = Set(syncedNames.values)
    files = files.filter { kept.contains($0.key) }
    noticed(true)
  }

  // MARK: - The cut

  /// A possible content of the folder after a cut at this moment.
  func cut(_ mood: Mood, _ random: inout SplitMix64) -> DiskImage {
    var known = syncedNames
    let kept =
      switch mood {
      case .lazy: 0
      case .eager: pendingNames.count
      case .orderly, .careless: random.next(below: pendingNames.count + 1)
      }
    for change in pendingNames.prefix(kept) { change.apply(to: &known) }
    let first = files.values.compactMap { $0.pending.first?.position }.min() ?? position
    let end = first + random.next(below: position - first + 2)
    return known.compactMapValues { files[$0] }.mapValues { file in
      switch mood {
      case .lazy: file.synced
      case .eager: content(of: file, upTo: .max, &random)
      case .orderly: content(of: file, upTo: end, &random)
      case .careless: scrambled(file, &random)
      }
    }
  }

  /// The operations before a position in the order of all changes, and the first sectors of the write at that
  /// position.
  private func content(of file: File, upTo end: Int, _ random: inout SplitMix64) -> [UInt8] {
    var bytes = file.synced
    for (position, change) in file.pending {
      if position < end { change.apply(to: &bytes) }
      guard position == end, case .write = change else { continue }
      for piece in change.pieces.prefix(random.next(below: change.pieces.count + 1)) { piece.apply(to: &bytes) }
    }
    return bytes
  }

  private func scrambled(_ file: File, _ random: inout SplitMix64) -> [UInt8] {
    var bytes = file.synced
    let (odds, filler) = (1 + random.next(below: 9), UInt8(truncatingIfNeeded: random.next(below: 3) * 0x5A))
    for (_, change) in file.pending {
      for piece in change.pieces where random.next(below: 10) < odds { piece.apply(to: &bytes, filler: filler) }
    }
    return bytes
  }
}

extension Disk.Change {
  /// The change by sectors, which are written completely or not at all.
  fileprivate var pieces: [Disk.Change] {
    guard case .write(let offset, let bytes) = self else { return [self] }
    var found: [Disk.Change] = []
    var at = 0
    while at < bytes.count {
      let room = Disk.sector - (offset + at) % Disk.sector
      let next = min(at + room, bytes.count)
      found.append(.write(at: offset + at, Array(bytes[at..<next])))
      at = next
    }
    return found
  }

  fileprivate func apply(to content: inout [UInt8], filler: UInt8 = 0) {
    switch self {
    case .truncate(let size):
      if size < content.count { content.removeLast(content.count - size) }
      content += [UInt8](repeating: 0, count: size - content.count)
    case .write(let offset, let bytes):
      let end = offset + bytes.count
      if end > content.count { content += [UInt8](repeating: filler, count: end - content.count) }
      content.replaceSubrange(offset..<end, with: bytes)
    }
  }
}

extension Disk.NameChange {
  fileprivate func apply(to names: inout [String: Int]) {
    switch self {
    case .link(let name, let id): names[name] = id
    case .unlink(let name): names[name] = nil
    }
  }
}
