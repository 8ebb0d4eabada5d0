import FlowSource

/// Slots and all values that they refer to in one block of memory: immutable, and shared between threads.
///
/// Unchecked because of the pointer; its memory is written in `init` only.
public final class FrozenSlots: @unchecked Sendable {
  private let memory: UnsafeMutableRawBufferPointer
  public let count: Int

  /// The largest block, in bytes.
  public static let maximumBytes = 1 << 28

  /// Copies `count` slots, deep. Errors and unknowns become unset.
  /// - Throws: When it is more than ``maximumBytes``.
  public init(copying slots: UnsafePointer<Slot>, count: Int) throws(EvaluationError) {
    var bytes = max(count, 0) * MemoryLayout<Slot>.stride
    for index in 0..<max(count, 0) {
      bytes += slots[index].deepBytes
      guard bytes <= Self.maximumBytes else {
        throw EvaluationError(
          "the data is larger than \(Self.maximumBytes) bytes", at: SourceRange(0, 0), isLimit: true)
      }
    }
    self.count = max(count, 0)
    memory = .allocate(byteCount: max(bytes, 16), alignment: 16)
    guard let base = memory.baseAddress else { return }
    var copier = Copier(next: base + self.count * MemoryLayout<Slot>.stride)
    let target = base.bindMemory(to: Slot.self, capacity: self.count)
    for index in 0..<self.count { target[index] = copier.copy(slots[index]) }
  }

  /// No slots at all.
  public init() {
    count = 0
    memory = .allocate(byteCount: 16, alignment: 16)
  }

  deinit { memory.deallocate() }

  var slots: UnsafePointer<Slot> {
    guard let base = memory.baseAddress else { preconditionFailure("the block is never empty") }
    return UnsafePointer(base.assumingMemoryBound(to: Slot.self))
  }

  /// The slot itself; it lives as long as this object.
  public subscript(_ index: Int) -> Slot {
    precondition(index >= 0 && index < count, "a slot that is not there")
    return slots[index]
  }

  /// Copies the slots into a frame; the values that they refer to stay here, so this object must outlive the frame.
  public func copy(to frame: UnsafeMutablePointer<Slot>) { frame.update(from: slots, count: count) }

  /// The value at an index; nil when it is unset.
  public func value(at index: Int, types: TypeRegistry) -> Value? {
    let slot = self[index]
    return slot.isAbnormal ? nil : slot.value(in: types)
  }

  /// Bytes that are held.
  public var byteCount: Int { memory.count }
}

private struct Copier {
  var next: UnsafeMutableRawPointer

  mutating func copy(_ slot: Slot) -> Slot {
    var result = slot
    switch slot.tag {
    case .unset, .error, .unknown: return .unset
    case .null, .bool, .int, .uint, .double, .timestamp, .duration, .enumeration: return slot
    case .string, .bytes, .type, .ip, .cidr:
      guard let source = slot.address, slot.utf8.count > 0 else { return slot }
      next.copyMemory(from: source, byteCount: slot.utf8.count)
      result.payload = UInt64(UInt(bitPattern: next))
      next += (slot.utf8.count + 15) & ~15
      return result
    case .list, .map, .record, .optional: return copyBlock(slot)
    }
  }

  private mutating func copyBlock(_ slot: Slot) -> Slot {
    guard let source = slot.address else { return slot }
    let own = slot.elementCount * MemoryLayout<Slot>.stride
    let index = slot.tag == .map ? MapIndex.bytes(entries: Int(slot.count)) : 0
    let header = next
    header.copyMemory(from: source - BlockHeader.size, byteCount: BlockHeader.size + own + index)
    next += (BlockHeader.size + own + index + 15) & ~15
    var result = slot
    result.payload = UInt64(UInt(bitPattern: header + BlockHeader.size))
    let elements = result.elements
    for position in elements.indices { elements[position] = copy(elements[position]) }
    return result
  }
}
