internal import CRE2

/// A compiled pattern of RE2.
///
/// Unchecked because of the pointer; several threads may search with one RE2 object.
final class CompiledPattern: @unchecked Sendable {
  private let handle: OpaquePointer
  let groupCount: Int
  /// The number of instructions of RE2.
  let programSize: Int

  /// The longest pattern, in bytes.
  static let maximumPatternBytes = 10_000

  private init(handle: OpaquePointer) {
    self.handle = handle
    groupCount = Int(cre2_group_count(handle))
    programSize = Int(cre2_program_size(handle))
  }

  deinit { cre2_free(handle) }

  /// The fuel for a search in a text of `bytes` bytes: RE2 may run all instructions on each byte.
  func searchCost(bytes: Int) -> Int { 1 + bytes / 8 + bytes * programSize / 32 }

  /// The fuel for compiling.
  var compilationCost: Int { programSize * 8 }

  /// The fuel for a pattern that does not compile: it may be one that is too large.
  static let failedCompilationCost = 100_000

  /// Compiles a pattern. Equal patterns in use share their memory, in all threads.
  static func compile(_ pattern: UnsafeBufferPointer<UInt8>) -> Result<CompiledPattern, RegexError> {
    guard pattern.count <= maximumPatternBytes else {
      return .failure(RegexError(reason: "it is longer than \(maximumPatternBytes) bytes"))
    }
    var reason = [CChar](repeating: 0, count: 200)
    let handle = pattern.withMemoryRebound(to: CChar.self) {
      cre2_compile($0.baseAddress, $0.count, &reason, reason.count)
    }
    if let handle { return .success(CompiledPattern(handle: handle)) }
    let bytes = reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return .failure(RegexError(reason: String(decoding: bytes, as: UTF8.self)))
  }

  func isFound(in text: UnsafeBufferPointer<UInt8>) -> Bool {
    text.withMemoryRebound(to: CChar.self) { cre2_search(handle, $0.baseAddress, $0.count) }
  }

  /// The bounds of the first match at or after `start`: of the whole and of its groups, nil for groups without a match.
  func find(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> [Range<Int>?]? {
    let count = groupCount + 1
    var bounds = [Int](repeating: -1, count: 2 * count)
    let isFound = text.withMemoryRebound(to: CChar.self) {
      cre2_find(handle, $0.baseAddress, $0.count, start, &bounds, Int32(count))
    }
    guard isFound else { return nil }
    return (0..<count).map { bounds[2 * $0] < 0 ? nil : bounds[2 * $0]..<bounds[2 * $0 + 1] }
  }
}

/// The offset of the first `part` at or after `start`, in linear time.
func indexOfBytes(_ part: UnsafeBufferPointer<UInt8>, in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
  guard start + part.count <= text.count else { return nil }
  guard let base = text.baseAddress, let needle = part.baseAddress, part.count > 0 else { return start }
  let rest = text.count - start
  let found = (base + start).withMemoryRebound(to: CChar.self, capacity: rest) { haystack in
    needle.withMemoryRebound(to: CChar.self, capacity: part.count) { cre2_index(haystack, rest, $0, part.count) }
  }
  return found < 0 ? nil : start + found
}

struct RegexError: Error {
  var reason: String
}
