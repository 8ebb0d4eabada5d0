import FlowRuntime
import Glibc

/// Checks the write-ahead log of a store before SQLite opens it.
///
/// SQLite reads a log up to its first bad frame and ignores the rest, so that a flipped bit in the middle silently
/// drops every later commit. A power cut can leave a bad frame only in the last transaction, whose end was never
/// acknowledged: two or more commits of the same log after a bad frame are damage.
struct WriteAheadLog {
  /// The damage found, as a message; nil for an intact log.
  let problem: String?

  private static let headerCount = 32
  private static let frameHeaderCount = 24

  /// - Parameter path: The path of the store.
  init(ofStore path: String) {
    problem = WriteAheadLog.problem(path)
  }

  private static func problem(_ path: String) -> String? {
    let log = open(path + "-wal", O_RDONLY | O_CLOEXEC)
    guard log >= 0 else {
      // A log that can't be read is not a sound one.
      return errno == ENOENT ? nil : "cannot read the write-ahead log: \(String(cString: strerror(errno)))"
    }
    defer { close(log) }
    var bytes = [UInt8](repeating: 0, count: headerCount)
    guard pread(log, &bytes, headerCount, 0) == headerCount else { return nil }
    if size(of: path) == 0 { return "the database is empty, and its log `\(path)-wal` is not" }
    guard let header = Header(bytes) else { return nil }
    return scan(log, header)
  }

  /// Returns true if a log with contents exists.
  static func exists(ofStore path: String) -> Bool { (size(of: path + "-wal") ?? 0) > 0 }

  private static func size(of path: String) -> Int64? {
    var status = stat()
    return stat(path, &status) == 0 ? Int64(status.st_size) : nil
  }

  /// Scans all frames.
  private static func scan(_ log: Int32, _ header: Header) -> String? {
    let count = frameHeaderCount + header.pageSize
    var frame = [UInt8](repeating: 0, count: count)
    var sum = header.sum
    var bad: Int?
    var index = 0
    var commitsBehind = 0
    while pread(log, &frame, count, off_t(headerCount + index * count)) == count {
      index += 1
      guard word(frame, 8) == header.salt.0, word(frame, 12) == header.salt.1 else {
        // Frames of an earlier log follow; a damaged salt is one bad frame among good ones.
        if bad == nil { bad = index }
        continue
      }
      if bad == nil {
        sum = header.checksum(frame[..<8], sum)
        sum = header.checksum(frame[frameHeaderCount...], sum)
        if sum != (word(frame, 16), word(frame, 20)) { bad = index }
      }
      if bad != nil, bad != index, word(frame, 4) != 0 { commitsBehind += 1 }
    }
    guard let bad, commitsBehind >= 2 else { return nil }
    return "frame \(bad) of the write-ahead log is damaged, and at least \(commitsBehind - 1) later "
      + "\(commitsBehind == 2 ? "transaction that was" : "transactions that were") acknowledged can't be read"
  }

  private struct Header {
    var pageSize: Int
    var salt: (UInt32, UInt32)
    var sum: (UInt32, UInt32)
    private var isBigEndian: Bool

    /// - Returns: Nil when SQLite would not accept the header.
    init?(_ bytes: [UInt8]) {
      let magic = word(bytes, 0)
      guard magic & 0xFFFF_FFFE == 0x377F_0682 else { return nil }
      isBigEndian = magic & 1 == 1
      pageSize = Int(word(bytes, 8))
      salt = (word(bytes, 16), word(bytes, 20))
      sum = (0, 0)
      guard pageSize >= 512, pageSize <= 65_536 else { return nil }
      sum = checksum(bytes[..<24], (0, 0))
      guard sum == (word(bytes, 24), word(bytes, 28)) else { return nil }
    }

    /// The checksum of SQLite's log format over whole pairs of words.
    func checksum(_ bytes: ArraySlice<UInt8>, _ start: (UInt32, UInt32)) -> (UInt32, UInt32) {
      var (first, second) = start
      bytes.withUnsafeBytes { raw in
        var index = 0
        while index + 8 <= raw.count {
          let left = raw.loadUnaligned(fromByteOffset: index, as: UInt32.self)
          let right = raw.loadUnaligned(fromByteOffset: index + 4, as: UInt32.self)
          first &+= (isBigEndian ? left.bigEndian : left.littleEndian) &+ second
          second &+= (isBigEndian ? right.bigEndian : right.littleEndian) &+ first
          index += 8
        }
      }
      return (first, second)
    }
  }
}

/// A big-endian word of a log.
private func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
  UInt32(bytes[offset]) << 24 | UInt32(bytes[offset + 1]) << 16 | UInt32(bytes[offset + 2]) << 8
    | UInt32(bytes[offset + 3])
}
