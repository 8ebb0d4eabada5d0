/// A digest of the fields of a row: any change of a single field changes it.
///
/// Each step is a bijection of the state, so that a flipped bit is always found.
struct Checksum {
  private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

  mutating func add(_ value: Int64) { mix(UInt64(bitPattern: value)) }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    mix(UInt64(bytes.count))
    var index = 0
    while index + 8 <= bytes.count {
      mix(bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian)
      index += 8
    }
    var rest: UInt64 = 0
    for (location, byte) in bytes[index...].enumerated() { rest |= UInt64(byte) << UInt64(8 * location) }
    mix(rest)
  }

  private mutating func mix(_ word: UInt64) {
    state = (state ^ word) &* 0xD6E8_FEB8_6659_FD93
    state ^= state >> 32
  }

  /// The digest as a column of the store holds it.
  var value: Int64 { Int64(bitPattern: state) }
}
