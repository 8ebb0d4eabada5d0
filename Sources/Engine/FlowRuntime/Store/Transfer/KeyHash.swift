/// A name of 128 bits for a text, from SipHash-2-4 (Aumasson and Bernstein, 2012) under two keys.
///
/// The keys are derived from the store's identity, so that collisions can't be constructed from outside.
package struct KeyHash: Hashable {
  package var high: Int64
  package var low: Int64

  package init(high: Int64, low: Int64) {
    self.high = high
    self.low = low
  }

  package init(_ scope: String, _ key: String, secret: (UInt64, UInt64)) {
    // A zero byte is not a unique separator, so the length of the scope precedes it.
    var text: [UInt8] = []
    text.reserveCapacity(8 + scope.utf8.count + key.utf8.count)
    let length = UInt64(scope.utf8.count)
    for offset in 0..<8 { text.append(UInt8(truncatingIfNeeded: length >> UInt64(8 * offset))) }
    text.append(contentsOf: scope.utf8)
    text.append(contentsOf: key.utf8)
    high = Int64(bitPattern: KeyHash.sip(text, secret.0, secret.1))
    low = Int64(bitPattern: KeyHash.sip(text, ~secret.1, secret.0))
  }

  /// The SipHash keys for the identity of a store.
  package static func secret(_ identity: String) -> (UInt64, UInt64) {
    let text = Array(identity.utf8)
    return (sip(text, 0x666C_6F77, 1), sip(text, 0x666C_6F77, 2))
  }

  package static func sip(_ bytes: [UInt8], _ k0: UInt64, _ k1: UInt64) -> UInt64 {
    var state = State(k0, k1)
    var index = 0
    while index + 8 <= bytes.count {
      var word: UInt64 = 0
      for offset in 0..<8 { word |= UInt64(bytes[index + offset]) << UInt64(8 * offset) }
      state.combine(word)
      index += 8
    }
    var last = UInt64(truncatingIfNeeded: bytes.count) << 56
    for offset in 0..<(bytes.count - index) { last |= UInt64(bytes[index + offset]) << UInt64(8 * offset) }
    state.combine(last)
    return state.end()
  }

  private struct State {
    var v0, v1, v2, v3: UInt64

    init(_ k0: UInt64, _ k1: UInt64) {
      v0 = k0 ^ 0x736f_6d65_7073_6575
      v1 = k1 ^ 0x646f_7261_6e64_6f6d
      v2 = k0 ^ 0x6c79_6765_6e65_7261
      v3 = k1 ^ 0x7465_6462_7974_6573
    }

    mutating func combine(_ word: UInt64) {
      v3 ^= word
      round()
      round()
      v0 ^= word
    }

    mutating func end() -> UInt64 {
      v2 ^= 0xff
      for _ in 0..<4 { round() }
      return v0 ^ v1 ^ v2 ^ v3
    }

    private mutating func round() {
      v0 &+= v1
      v1 = (v1 << 13 | v1 >> 51) ^ v0
      v0 = v0 << 32 | v0 >> 32
      v2 &+= v3
      v3 = (v3 << 16 | v3 >> 48) ^ v2
      v0 &+= v3
      v3 = (v3 << 21 | v3 >> 43) ^ v0
      v2 &+= v1
      v1 = (v1 << 17 | v1 >> 47) ^ v2
      v2 = v2 << 32 | v2 >> 32
    }
  }
}
