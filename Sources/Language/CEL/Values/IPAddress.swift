/// An IPv4 or IPv6 address.
public struct IPAddress: Hashable, Sendable {
  /// Four or sixteen.
  public let octets: [UInt8]

  public var isV4: Bool { octets.count == 4 }
  public var bitCount: Int { octets.count * 8 }

  init(octets: [UInt8]) { self.octets = octets }

  /// Reads dotted or colon notation. No zones, no dotted part in IPv6, no leading zeros in IPv4.
  ///
  /// An IPv6 address that contains an IPv4 address (`::ffff:c0a8:1`) is that IPv4 address.
  public init?(_ text: String) {
    guard let octets = text.utf8.contains(UInt8(ascii: ":")) ? IPAddress.readV6(text) : IPAddress.readV4(text) else {
      return nil
    }
    self.octets = octets.count == 16 && octets.starts(with: IPAddress.mappedPrefix) ? Array(octets[12...]) : octets
  }

  /// The first octets of the IPv6 addresses that contain IPv4 addresses (RFC 4291, 2.5.5.2).
  private static let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]

  private static func readV4(_ text: String) -> [UInt8]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var octets: [UInt8] = []
    for part in parts {
      guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
        part.utf8.count == 1 || part.first != "0", let octet = UInt8(part)
      else { return nil }
      octets.append(octet)
    }
    return octets
  }

  private static func readV6(_ text: String) -> [UInt8]? {
    let halves = splitAtGap(text)
    guard halves.count <= 2, let head = groups(halves[0]) else { return nil }
    if halves.count == 1 { return head.count == 8 ? octets(head) : nil }
    guard let tail = groups(halves[1]), head.count + tail.count < 8 else { return nil }
    return octets(head + [UInt16](repeating: 0, count: 8 - head.count - tail.count) + tail)
  }

  /// Cuts at each `::`.
  private static func splitAtGap(_ text: String) -> [[UInt8]] {
    var halves: [[UInt8]] = [[]]
    let bytes = Array(text.utf8)
    var at = 0
    while at < bytes.count {
      if bytes[at] == UInt8(ascii: ":"), at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: ":") {
        halves.append([])
        at += 2
      } else {
        halves[halves.count - 1].append(bytes[at])
        at += 1
      }
    }
    return halves
  }

  private static func groups(_ text: [UInt8]) -> [UInt16]? {
    if text.isEmpty { return [] }
    var groups: [UInt16] = []
    for part in text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) {
      let string = String(decoding: part, as: UTF8.self)
      guard (1...4).contains(part.count), part.first != UInt8(ascii: "+"), let group = UInt16(string, radix: 16) else {
        return nil
      }
      groups.append(group)
    }
    return groups
  }

  private static func octets(_ groups: [UInt16]) -> [UInt8] { groups.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] } }

  /// With all bits after the first `prefixLength` cleared.
  func masked(_ prefixLength: Int) -> IPAddress {
    var octets = octets
    for index in octets.indices {
      let bits = min(max(prefixLength - index * 8, 0), 8)
      octets[index] &= UInt8(truncatingIfNeeded: 0xFF00 >> bits)
    }
    return IPAddress(octets: octets)
  }
}

extension IPAddress: CustomStringConvertible {
  /// Dotted, or RFC 5952: lower case, the longest run of zero groups shortened.
  public var description: String {
    if isV4 { return octets.map(String.init).joined(separator: ".") }
    let groups: [UInt16] = stride(from: 0, to: 16, by: 2).map { UInt16(octets[$0]) << 8 | UInt16(octets[$0 + 1]) }
    var best = 0..<0
    var start = 0
    while start < 8 {
      var end = start
      while end < 8, groups[end] == 0 { end += 1 }
      if end - start > best.count, end - start > 1 { best = start..<end }
      start = max(end, start + 1)
    }
    let text = { (range: Range<Int>) in groups[range].map { String($0, radix: 16) }.joined(separator: ":") }
    return best.isEmpty ? text(0..<8) : text(0..<best.lowerBound) + "::" + text(best.upperBound..<8)
  }
}

extension IPAddress {
  var isUnspecified: Bool { octets.allSatisfy { $0 == 0 } }
  var isLoopback: Bool { isV4 ? octets[0] == 127 : octets.dropLast().allSatisfy { $0 == 0 } && octets[15] == 1 }
  var isMulticast: Bool { isV4 ? octets[0] & 0xF0 == 0xE0 : octets[0] == 0xFF }
  var isLinkLocalUnicast: Bool {
    isV4 ? octets[0] == 169 && octets[1] == 254 : octets[0] == 0xFE && octets[1] & 0xC0 == 0x80
  }
  var isLinkLocalMulticast: Bool {
    isV4 ? octets[0] == 224 && octets[1] == 0 && octets[2] == 0 : octets[0] == 0xFF && octets[1] & 0x0F == 2
  }
  var isGlobalUnicast: Bool {
    let isBroadcast = isV4 && octets.allSatisfy { $0 == 255 }
    return !isBroadcast && !isUnspecified && !isLoopback && !isMulticast && !isLinkLocalUnicast
  }
}
