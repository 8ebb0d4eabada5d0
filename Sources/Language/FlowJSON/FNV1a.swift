extension Sequence<UInt8> {
  /// A digest of the bytes (FNV-1a, 64 bits): stable over processes and versions, not safe against forgery.
  ///
  /// - Complexity: O(n).
  @inlinable public var fnv1a: UInt64 {
    reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}
