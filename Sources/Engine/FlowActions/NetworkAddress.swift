import Glibc

/// The address of a connection that is about to be opened.
struct NetworkAddress {
  /// Four or sixteen bytes; empty for an address of another family.
  var bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  init(_ raw: UnsafeRawPointer, family: Int32) {
    switch family {
    case AF_INET:
      let address = raw.loadUnaligned(as: sockaddr_in.self).sin_addr
      bytes = withUnsafeBytes(of: address) { Array($0) }
    case AF_INET6:
      let address = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
      bytes = withUnsafeBytes(of: address) { Array($0) }
    default: bytes = []
    }
  }

  /// True if it belongs to the public network: neither to this machine, nor to a private or special network.
  var isPublic: Bool {
    switch bytes.count {
    case 4: !NetworkAddress.special4.contains { $0.holds(bytes) }
    case 16:
      if let inner = embedded { inner.isPublic } else { !NetworkAddress.special6.contains { $0.holds(bytes) } }
    default: false
    }
  }

  /// The IPv4 address that is embedded in an IPv6 address; nil for other addresses.
  private var embedded: NetworkAddress? {
    for (block, offset) in NetworkAddress.carriers where block.holds(bytes) {
      return NetworkAddress(Array(bytes[offset..<offset + 4]))
    }
    return nil
  }

  /// The first bits that addresses of a network have in common.
  private struct Block {
    var start: [UInt8]
    var bits: Int

    func holds(_ bytes: [UInt8]) -> Bool {
      for bit in 0..<bits {
        let mask: UInt8 = 0x80 >> UInt8(bit % 8)
        let expected = bit / 8 < start.count ? start[bit / 8] : 0
        if bytes[bit / 8] & mask != expected & mask { return false }
      }
      return true
    }
  }

  // The networks in the IANA registries of special-purpose addresses that are not globally reachable, and multicast.
  private static let special4: [Block] = [
    Block(start: [0], bits: 8), Block(start: [10], bits: 8), Block(start: [100, 64], bits: 10),
    Block(start: [127], bits: 8), Block(start: [169, 254], bits: 16), Block(start: [172, 16], bits: 12),
    Block(start: [192, 0, 0], bits: 24), Block(start: [192, 0, 2], bits: 24), Block(start: [192, 88, 99], bits: 24),
    Block(start: [192, 168], bits: 16), Block(start: [198, 18], bits: 15), Block(start: [198, 51, 100], bits: 24),
    Block(start: [203, 0, 113], bits: 24), Block(start: [224], bits: 4), Block(start: [240], bits: 4),
  ]

  private static let special6: [Block] = [
    Block(start: [], bits: 96), Block(start: [0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01], bits: 48),
    Block(start: [0x01], bits: 64), Block(start: [0x20, 0x01, 0x00], bits: 23),
    Block(start: [0x20, 0x01, 0x0D, 0xB8], bits: 32), Block(start: [0x3F, 0xFF, 0x00], bits: 20),
    Block(start: [0x5F], bits: 16), Block(start: [0xFC], bits: 7), Block(start: [0xFE, 0x80], bits: 10),
    Block(start: [0xFE, 0xC0], bits: 10), Block(start: [0xFF], bits: 8),
  ]

  // IPv4-mapped, NAT64 and 6to4, with the offset of the IPv4 address in bytes.
  private static let carriers: [(Block, Int)] = [
    (Block(start: Array(repeating: 0, count: 10) + [0xFF, 0xFF], bits: 96), 12),
    (Block(start: [0x00, 0x64, 0xFF, 0x9B], bits: 96), 12), (Block(start: [0x20, 0x02], bits: 16), 2),
  ]
}
