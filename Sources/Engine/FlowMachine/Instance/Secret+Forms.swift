import FlowJSON

// The forms in which bindings send a secret, and servers quote it.
extension Secret {
  /// The value as it is, in JSON, in URLs and forms, and in Base64, the longest first.
  var forms: [[UInt8]] {
    let bytes = Array(value.utf8)
    let percent = value.percentEncoded(except: "-._~")
    var forms: Set<[UInt8]> = [bytes, Array(JSON.string(value).text().utf8.dropFirst().dropLast())]
    for text in [percent, percent.lowercased(), percent.replacingPlus] { forms.insert(Array(text.utf8)) }
    for padding in 0..<3 {
      let encoded = Base64Part(bytes, after: padding)
      forms.formUnion([encoded.text(Base64Part.standard), encoded.text(Base64Part.url)])
    }
    return forms.filter { $0.count >= Secret.shortestHidden }.sorted { $0.count > $1.count }
  }
}

extension String {
  /// The form of HTML forms: a space is `+`.
  fileprivate var replacingPlus: String {
    var result = ""
    var rest = self[...]
    while let start = rest.firstIndex(of: "%") {
      result += rest[..<start]
      if rest[start...].hasPrefix("%20") {
        result += "+"
        rest = rest[start...].dropFirst(3)
      } else {
        result += "%"
        rest = rest[start...].dropFirst()
      }
    }
    return result + rest
  }
}

/// The digits of Base64 that depend on a part of the encoded bytes only, such as a password after a name.
private struct Base64Part {
  static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  static let url = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  /// Six bits each.
  private let digits: [Int]

  /// - Parameter offset: The number of bytes before the part, without whole groups of three.
  init(_ bytes: [UInt8], after offset: Int) {
    let padded = Array(repeating: 0, count: offset) + bytes
    // A digit with bits of a neighbor is not known.
    let first = (8 * offset + 5) / 6
    let end = 8 * padded.count / 6
    digits = (first..<max(first, end)).map { digit in
      (0..<6).reduce(0) { value, bit in
        let position = 6 * digit + bit
        return value << 1 | Int(padded[position / 8] >> (7 - UInt8(position % 8))) & 1
      }
    }
  }

  func text(_ alphabet: [UInt8]) -> [UInt8] { digits.map { alphabet[$0] } }
}
