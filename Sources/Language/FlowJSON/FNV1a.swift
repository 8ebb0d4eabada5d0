/// The hash function FNV-1a with 64 bits: equal in every process, unlike `Hasher`, and not safe against attackers.
///
///     var hash = FNV1a()
///     hash.combine("F501".utf8)
///     hash.value.hexadecimal
public struct FNV1a: Hashable, Sendable {
  public private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  public init() {}

  /// The hash of some bytes.
  public init(_ bytes: some Sequence<UInt8>) { combine(bytes) }

  /// - Complexity: O(n) in the number of bytes.
  public mutating func combine(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
  }
}
