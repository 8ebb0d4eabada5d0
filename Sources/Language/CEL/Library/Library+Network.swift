extension Evaluator {
  func networkFunction(_ arguments: Arguments) -> Slot {
    let a = arguments[0]
    switch (arguments.builtin, a.tag, arguments.count) {
    case (.ip, .string, 1): return parseAddress(a).map { makeString($0.octets, .ip) } ?? badAddress(a)
    case (.ip, .ip, 1), (.cidr, .cidr, 1): return a
    case (.ip, .cidr, 1): return makeString(a.utf8, .ip)
    case (.isIP, .string, 1): return .bool(parseAddress(a) != nil)
    case (.isCanonical, .string, 1):
      return parseAddress(a).map { .bool($0.description == a.string) } ?? badAddress(a)
    case (.cidr, .string, 1): return parseNetwork(a).map { makeNetwork($0.0, $0.1) } ?? badNetwork(a)
    case (.isCIDR, .string, 1): return .bool(parseNetwork(a) != nil)
    case (.prefixLength, .cidr, 1): return .int(Int64(a.extra))
    case (.masked, .cidr, 1): return makeNetwork(address(a).masked(Int(a.extra)), Int(a.extra))
    case (.containsIP, .cidr, 2), (.containsCIDR, .cidr, 2): return contains(arguments)
    case (_, .ip, 1): return property(arguments, address(a))
    default: return noOverload(arguments)
    }
  }

  private func address(_ slot: Slot) -> IPAddress { IPAddress(octets: Array(slot.utf8)) }

  private func badAddress(_ text: Slot) -> Slot { fail("\(text.literal) is not an IP address") }
  private func badNetwork(_ text: Slot) -> Slot { fail("\(text.literal) is not a network, as in \"10.0.0.0/8\"") }

  private func parseAddress(_ text: Slot) -> IPAddress? {
    text.count <= 64 ? IPAddress(text.string) : nil
  }

  private func parseNetwork(_ text: Slot) -> (IPAddress, Int)? {
    guard text.count <= 64 else { return nil }
    let parts = text.string.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = IPAddress(String(parts[0])),
      (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
      parts[1] == "0" || parts[1].first != "0", var length = Int(parts[1])
    else { return nil }
    // Of a network of IPv6 addresses that contain IPv4 addresses, the first 96 bits are always the same.
    if address.isV4, parts[0].contains(":") { length -= 96 }
    return 0...address.bitCount ~= length ? (address, length) : nil
  }

  private func contains(_ arguments: Arguments) -> Slot {
    let (network, other) = (arguments[0], arguments[1])
    let inner: (IPAddress, Int)
    switch (arguments.builtin, other.tag) {
    case (.containsIP, .ip): inner = (address(other), address(other).bitCount)
    case (.containsIP, .string):
      guard let parsed = parseAddress(other) else { return badAddress(other) }
      inner = (parsed, parsed.bitCount)
    case (.containsCIDR, .cidr): inner = (address(other), Int(other.extra))
    case (.containsCIDR, .string):
      guard let parsed = parseNetwork(other) else { return badNetwork(other) }
      inner = parsed
    default: return noOverload(arguments)
    }
    let outer = address(network)
    let length = Int(network.extra)
    guard outer.isV4 == inner.0.isV4, length <= inner.1 else { return .bool(false) }
    return .bool(outer.masked(length) == inner.0.masked(length))
  }

  private func property(_ arguments: Arguments, _ address: IPAddress) -> Slot {
    switch arguments.builtin {
    case .family: .int(address.isV4 ? 4 : 6)
    case .isUnspecified: .bool(address.isUnspecified)
    case .isLoopback: .bool(address.isLoopback)
    case .isGlobalUnicast: .bool(address.isGlobalUnicast)
    case .isLinkLocalUnicast: .bool(address.isLinkLocalUnicast)
    case .isLinkLocalMulticast: .bool(address.isLinkLocalMulticast)
    default: noOverload(arguments)
    }
  }
}
