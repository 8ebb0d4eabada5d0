import FlowJSON
import FlowRuntime
import Glibc

/// The archive: JSON lines, each with its own checksum, that are only appended to.
///
/// An interrupted write leaves an incomplete line, which the next write removes. Rows are removed from the store only
/// after their lines are synced. A file that has reached its limit is renamed with the next number, so that
/// `store.archive.jsonl` is always the newest one.
final class ArchiveFile {
  /// An operation on the files, for tests that simulate power cuts.
  enum Operation {
    case created(String)
    case wrote(String, offset: Int, bytes: [UInt8])
    case truncated(String, size: Int)
    case synced(String)
    case renamed(String, to: String)
    case syncedFolder
  }

  let path: String
  private let limit: Int64
  /// Called after each operation.
  var observer: ((Operation) -> Void)?

  /// - Parameter limit: The size in bytes at which a file is renamed and a new one is started.
  init(path: String, limit: Int64) {
    self.path = path
    self.limit = limit
  }

  /// Appends lines and syncs them.
  /// - Throws: `.unavailable` with the reason; the file then ends with its last whole line as before.
  func append(_ lines: [JSON]) throws(StoreError) {
    var text: [UInt8] = []
    for line in lines { text += ArchiveLine.text(of: line) }
    var descriptor = try open()
    defer { close(descriptor) }
    var size = try cutBack(descriptor)
    if size > 0, size + Int64(text.count) > limit {
      close(descriptor)
      descriptor = -1
      try rotate()
      descriptor = try open()
      size = 0
    }
    do throws(StoreError) {
      try write(text, to: descriptor, at: size)
      guard fsync(descriptor) == 0 else { throw failure("sync") }
      observer?(.synced(path))
    } catch {
      // What was not written whole must not be read.
      if ftruncate(descriptor, off_t(size)) == 0 { observer?(.truncated(path, size: Int(size))) }
      throw error
    }
    if size == 0 { try syncFolder() }
  }

  /// Removes an incomplete line from the end of the file.
  /// - Returns: The size of the file in bytes.
  private func cutBack(_ descriptor: Int32) throws(StoreError) -> Int64 {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("read") }
    var end = Int64(status.st_size)
    var block = [UInt8](repeating: 0, count: 65_536)
    while end > 0 {
      let start = max(end - Int64(block.count), 0)
      let length = Int(end - start)
      guard block.withUnsafeMutableBytes({ pread(descriptor, $0.baseAddress, length, off_t(start)) }) == length else {
        throw failure("read")
      }
      if let last = block[..<length].lastIndex(of: 0x0A) {
        end = start + Int64(last) + 1
        break
      }
      end = start
    }
    if end < Int64(status.st_size) {
      guard ftruncate(descriptor, off_t(end)) == 0 else { throw failure("repair") }
      observer?(.truncated(path, size: Int(end)))
    }
    return end
  }

  private func open() throws(StoreError) -> Int32 {
    let isNew = access(path, F_OK) != 0
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("open") }
    if isNew { observer?(.created(path)) }
    return descriptor
  }

  private func write(_ bytes: [UInt8], to descriptor: Int32, at start: Int64) throws(StoreError) {
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress, $0.count, off_t(start) + off_t(written))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure("write") }
      observer?(.wrote(path, offset: Int(start) + written, bytes: Array(bytes[written..<(written + count)])))
      written += count
    }
  }

  private func rotate() throws(StoreError) {
    let next = (ArchiveFile.segments(of: path).compactMap(\.number).max() ?? 0) + 1
    let name = ArchiveFile.name(of: path, number: next)
    guard rename(path, name) == 0 else { throw failure("rename") }
    observer?(.renamed(path, to: name))
    try syncFolder()
  }

  /// Syncs the folder, without which a new file could be lost with its contents.
  private func syncFolder() throws(StoreError) {
    let descriptor = Glibc.open(ArchiveFile.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { if descriptor >= 0 { close(descriptor) } }
    guard descriptor >= 0, fsync(descriptor) == 0 else { throw failure("sync the folder of") }
    observer?(.syncedFolder)
  }

  private func failure(_ what: String) -> StoreError {
    .unavailable("cannot \(what) the archive `\(path)`: \(String(cString: strerror(errno)))")
  }
}

extension ArchiveFile {
  /// One file of an archive.
  struct Segment {
    var path: String
    /// Nil for the newest file.
    var number: Int?
  }

  /// The files of an archive, oldest first.
  static func segments(of path: String) -> [Segment] {
    let folder = folder(of: path)
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let (stem, suffix) = parts(of: name)
    var found: [Segment] = []
    if let directory = opendir(folder) {
      defer { closedir(directory) }
      while let entry = readdir(directory) {
        let other = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        guard other.hasPrefix(stem + "."), other.hasSuffix(suffix), other.count > stem.count + suffix.count + 1,
          let number = Int(other.dropFirst(stem.count + 1).dropLast(suffix.count))
        else { continue }
        found.append(Segment(path: folder + "/" + other, number: number))
      }
    }
    found.sort { ($0.number ?? 0) < ($1.number ?? 0) }
    if access(path, F_OK) == 0 { found.append(Segment(path: path, number: nil)) }
    return found
  }

  fileprivate static func name(of path: String, number: Int) -> String {
    let (stem, suffix) = parts(of: path)
    return "\(stem).\(number)\(suffix)"
  }

  /// `a.archive.jsonl` is `a.archive` and `.jsonl`.
  private static func parts(of name: String) -> (stem: String, suffix: String) {
    guard name.hasSuffix(".jsonl") else { return (name, "") }
    return (String(name.dropLast(6)), ".jsonl")
  }

  fileprivate static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}

/// A line of the archive: a JSON object whose last member is the checksum of all before it.
enum ArchiveLine {
  private static let member = Array(#","check":""#.utf8)
  /// The end of a line without its newline: the member, 16 digits, a quote and a brace.
  private static var tailCount: Int { member.count + 18 }

  static func text(of document: JSON) -> [UInt8] {
    var text = document.bytes()
    text.removeLast()
    let digits = String(text.fnv1a, radix: 16)
    text += member
    text += Array((String(repeating: "0", count: 16 - digits.count) + digits).utf8)
    text += Array("\"}\n".utf8)
    return text
  }

  /// The contents of a line.
  ///
  /// Lines of versions without checksums are accepted as they are.
  /// - Returns: Nil when the line is damaged.
  static func document(_ line: ArraySlice<UInt8>) -> JSON? {
    let tail = line.suffix(tailCount)
    guard tail.count == tailCount, Array(tail.prefix(member.count)) == member else {
      // A line with its checksum starts with the member `store`.
      return line.starts(with: Array(#"{"store":"#.utf8)) ? nil : try? JSON(parsing: Array(line))
    }
    let digits = String(decoding: tail.dropFirst(member.count).prefix(16), as: UTF8.self)
    guard UInt64(digits, radix: 16) == line.dropLast(tailCount).fnv1a else { return nil }
    return try? JSON(parsing: Array(line))
  }
}
