extension String {
  /// Percent-encoded as a path segment or a query value: all but unreserved characters (RFC 3986, 2.3).
  public var percentEncoded: String { percentEncoded(except: "") }

  /// Percent-encoded, except unreserved characters and those of `others`: `"/"` keeps the separators of a path.
  public func percentEncoded(except others: String) -> String {
    String(decoding: percentEncodedBytes(utf8, except: others.utf8), as: UTF8.self)
  }
}

/// UTF-8 with all bytes percent-encoded except unreserved characters (RFC 3986, 2.3) and those of `others`.
/// - Complexity: O(n) in the number of bytes.
public func percentEncodedBytes(
  _ bytes: some Sequence<UInt8>, except others: some Sequence<UInt8> = EmptyCollection()
) -> [UInt8] {
  var out: [UInt8] = []
  for byte in bytes {
    if isUnreserved(byte) || others.contains(byte) {
      out.append(byte)
    } else {
      out += "%\(byte.hexadecimal.uppercased())".utf8
    }
  }
  return out
}

private func isUnreserved(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
    true
  default: false
  }
}
