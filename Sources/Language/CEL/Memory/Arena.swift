/// Memory for one evaluation: allocated in order, freed as a whole.
struct Arena: ~Copyable {
  private static let firstChunkBytes = 64 << 10
  private static let maximumChunkBytes = 4 << 20

  private var chunks: [UnsafeMutableRawBufferPointer] = []
  private var current = 0
  private var used = 0
  /// Bytes allocated since the last reset.
  private(set) var total = 0
  let limit: Int

  init(limit: Int) { self.limit = limit }

  deinit { for chunk in chunks { chunk.deallocate() } }

  /// Frees all allocations; keeps the first chunk.
  mutating func reset() {
    guard total > 0 else { return }
    if chunks.count > 1 {
      for chunk in chunks.dropFirst() { chunk.deallocate() }
      chunks.removeLast(chunks.count - 1)
    }
    current = 0
    used = 0
    total = 0
  }

  /// Room for `bytes`, aligned to 16; nil past the limit.
  mutating func allocate(_ bytes: Int) -> UnsafeMutableRawPointer? {
    let size = (bytes + 15) & ~15
    if current < chunks.count, used + size <= chunks[current].count {
      let start = chunks[current].baseAddress.map { $0 + used }
      used += size
      total += size
      return start
    }
    return allocateInNewChunk(size)
  }

  private mutating func allocateInNewChunk(_ size: Int) -> UnsafeMutableRawPointer? {
    guard size <= limit - min(total, limit) else { return nil }
    let next = min(Self.firstChunkBytes << min(chunks.count, 6), Self.maximumChunkBytes)
    chunks.append(.allocate(byteCount: max(size, next), alignment: 16))
    current = chunks.count - 1
    used = size
    total += size
    return chunks[current].baseAddress
  }
}
