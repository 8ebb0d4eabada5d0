/// Making lists, maps, records and strings in the arena.
extension Evaluator {
  /// Memory for slots with a header before and `extra` bytes after them.
  func allocateBlock(slots: Int, extra: Int = 0) -> UnsafeMutablePointer<Slot>? {
    let bytes = BlockHeader.size + slots * MemoryLayout<Slot>.stride + extra
    guard bytes <= limits.valueBytes, let start = arena.allocate(bytes) else { return nil }
    charge(slots / 4 + 1)
    return (start + BlockHeader.size).bindMemory(to: Slot.self, capacity: slots)
  }

  func outOfMemory() -> Slot { stop("the expression needs more memory than the limit allows") }

  /// Fills in the header of a list, map, record or optional, and the index of a map; checks the limits.
  func seal(_ slot: Slot) -> Slot {
    guard !slot.isAbnormal, let address = slot.address else { return slot }
    let elements = slot.elements
    let index = slot.tag == .map ? MapIndex.bytes(entries: Int(slot.count)) : 0
    var bytes = BlockHeader.size + elements.count * MemoryLayout<Slot>.stride + index
    var depth = 0
    for element in elements {
      bytes += element.deepBytes
      depth = max(depth, element.depth)
    }
    guard bytes <= limits.valueBytes else { return stop("a value is larger than \(limits.valueBytes) bytes") }
    guard depth < Value.maximumDepth else { return stop("a value nests deeper than \(Value.maximumDepth) levels") }
    BlockHeader.of(address).initialize(to: BlockHeader(bytes: bytes, depth: UInt32(depth + 1)))
    return slot.tag == .map ? checkKeys(slot) : slot
  }

  private func checkKeys(_ map: Slot) -> Slot {
    let entries = map.elements
    for index in 0..<Int(map.count) {
      switch entries[2 * index].tag {
      case .bool, .int, .uint, .string: continue
      default: return fail(.badKey(entries[2 * index].tag))
      }
    }
    charge(map.count > 8 ? Int(map.count) * 8 : Int(map.count))
    if let twice = MapIndex.build(map) { return fail(.duplicateKey(twice)) }
    return map
  }

  /// An empty list or map with room for as many elements.
  func startBlock(_ isMap: Bool, _ capacity: UInt32) -> Slot {
    let slots = Int(capacity) * (isMap ? 2 : 1)
    let extra = isMap ? MapIndex.bytes(entries: Int(capacity)) : 0
    guard let block = allocateBlock(slots: slots, extra: extra) else { return outOfMemory() }
    return Slot(isMap ? .map : .list, payload: UInt64(UInt(bitPattern: block)))
  }

  func makeList(_ slots: UnsafeBufferPointer<Slot>) -> Slot {
    guard let block = allocateBlock(slots: slots.count) else { return outOfMemory() }
    var count = 0
    for slot in slots where slot.tag != .unset {
      if slot.isAbnormal { return slot }
      block[count] = slot
      count += 1
    }
    return seal(Slot(.list, payload: UInt64(UInt(bitPattern: block)), count: UInt32(count)))
  }

  func makeList(_ slots: [Slot]) -> Slot { slots.withUnsafeBufferPointer { makeList($0) } }

  /// Keys and values alternate; an entry whose value is unset is omitted.
  func makeMap(_ slots: UnsafeBufferPointer<Slot>) -> Slot {
    let extra = MapIndex.bytes(entries: slots.count / 2)
    guard let block = allocateBlock(slots: slots.count, extra: extra) else { return outOfMemory() }
    var count = 0
    for index in stride(from: 0, to: slots.count - 1, by: 2) where slots[index + 1].tag != .unset {
      if slots[index].isAbnormal { return slots[index] }
      if slots[index + 1].isAbnormal { return slots[index + 1] }
      block[count] = slots[index]
      block[count + 1] = slots[index + 1]
      count += 2
    }
    return seal(Slot(.map, payload: UInt64(UInt(bitPattern: block)), count: UInt32(count / 2)))
  }

  func makeOptional(_ value: Slot) -> Slot {
    guard let block = allocateBlock(slots: 1) else { return outOfMemory() }
    block[0] = value
    return seal(Slot(.optional, payload: UInt64(UInt(bitPattern: block))))
  }

  func mergeMaps(_ maps: Slot) -> Slot {
    guard maps.tag == .list else { return maps }
    var entries: [Slot] = []
    for map in maps.elements {
      guard map.tag == .map else { return fail("`transformMapEntry` needs maps, not `\(map.tag)`") }
      entries += map.elements
    }
    return entries.withUnsafeBufferPointer { makeMap($0) }
  }

  // MARK: Strings

  /// Copies UTF-8 into the arena.
  func makeString(_ bytes: UnsafeBufferPointer<UInt8>, _ tag: Slot.Tag = .string) -> Slot {
    guard bytes.count <= limits.valueBytes, let target = arena.allocate(bytes.count) else { return outOfMemory() }
    charge(bytes.count / 16)
    if let source = bytes.baseAddress { target.copyMemory(from: source, byteCount: bytes.count) }
    return string(target, count: bytes.count, tag: tag)
  }

  func makeString(_ bytes: [UInt8], _ tag: Slot.Tag = .string) -> Slot {
    bytes.withUnsafeBufferPointer { makeString($0, tag) }
  }

  func makeString(_ text: String, _ tag: Slot.Tag = .string) -> Slot {
    var text = text
    return text.withUTF8 { makeString($0, tag) }
  }

  /// A string over bytes in the arena.
  func string(_ start: UnsafeMutableRawPointer, count: Int, tag: Slot.Tag = .string) -> Slot {
    let bytes = UnsafeRawBufferPointer(start: start, count: count)
    let isASCII = tag == .string && bytes.allSatisfy { $0 < 0x80 }
    return Slot(
      tag, payload: UInt64(UInt(bitPattern: start)), count: UInt32(count), flags: isASCII ? Slot.asciiFlag : 0)
  }

  /// A part of a string, sharing its bytes.
  func part(_ text: Slot, _ range: Range<Int>) -> Slot {
    guard let address = text.address, !range.isEmpty else { return Slot(.string, flags: Slot.asciiFlag) }
    if text.isASCII {
      return Slot(
        .string, payload: UInt64(UInt(bitPattern: address + range.lowerBound)), count: UInt32(range.count),
        flags: Slot.asciiFlag)
    }
    return string(address + range.lowerBound, count: range.count)
  }
}
