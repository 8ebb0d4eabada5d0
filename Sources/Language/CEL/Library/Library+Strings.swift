internal import CRE2
import FlowJSON

extension Evaluator {
  func stringFunction(_ arguments: Arguments) -> Slot {
    let (a, b) = (arguments[0], arguments[1])
    if arguments.builtin == .join { return join(arguments) }
    guard a.tag == .string else { return noOverload(arguments) }
    charge(Int(a.count) / 16 + 1)
    switch (arguments.builtin, arguments.count) {
    case (.lowerAscii, 1): return mapASCII(a) { $0 >= 0x41 && $0 <= 0x5A ? $0 + 32 : $0 }
    case (.upperAscii, 1): return mapASCII(a) { $0 >= 0x61 && $0 <= 0x7A ? $0 - 32 : $0 }
    case (.trim, 1): return trim(a)
    case (.quote, 1): return makeString(quoted(a.string))
    case (.charAt, 2): return b.tag == .int ? charAt(a, b.asInt) : noOverload(arguments)
    case (.substring, 2), (.substring, 3): return substring(arguments, a)
    case (.indexOf, 2), (.indexOf, 3), (.lastIndexOf, 2), (.lastIndexOf, 3): return indexOf(arguments, a)
    case (.replace, 3), (.replace, 4): return replace(arguments, a)
    case (.split, 2), (.split, 3): return split(arguments, a)
    case (.contains, 2), (.startsWith, 2), (.endsWith, 2), (.matches, 2):
      return b.tag == .string ? test(arguments.builtin, left: a, right: b) : noOverload(arguments)
    default: return noOverload(arguments)
    }
  }

  private func test(_ builtin: Builtin, left a: Slot, right b: Slot) -> Slot {
    let (text, part) = (a.utf8, b.utf8)
    switch builtin {
    case .contains: return .bool(find(part, in: text, from: 0) != nil)
    case .startsWith: return .bool(text.count >= part.count && isPart(part, of: text, at: 0))
    case .endsWith: return .bool(text.count >= part.count && isPart(part, of: text, at: text.count - part.count))
    default: return withPattern(b, text: a) { .bool($0.isFound(in: text)) }
    }
  }

  private func isPart(_ part: UnsafeBufferPointer<UInt8>, of text: UnsafeBufferPointer<UInt8>, at offset: Int) -> Bool {
    guard part.count > 0, let a = text.baseAddress, let b = part.baseAddress else { return true }
    return cre2_compare(a + offset, b, part.count) == 0
  }

  /// The offset of the first `part` at or after `start`, in linear time.
  func find(_ part: UnsafeBufferPointer<UInt8>, in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
    indexOfBytes(part, in: text, from: start)
  }

  private func mapASCII(_ text: Slot, _ change: (UInt8) -> UInt8) -> Slot { makeString(text.utf8.map(change)) }

  // MARK: Code points

  /// The byte offset at which a code point starts; the length for the index after the last.
  func byteOffset(_ text: Slot, _ index: Int64) -> Int? {
    guard index >= 0, index <= text.count else { return nil }
    if text.isASCII { return Int(index) }
    var left = index
    for (offset, byte) in text.utf8.enumerated() where byte & 0xC0 != 0x80 {
      if left == 0 { return offset }
      left -= 1
    }
    return left == 0 ? text.utf8.count : nil
  }

  /// The number of code points before a byte.
  private func codePoint(_ text: Slot, at offset: Int) -> Int64 {
    if text.isASCII { return Int64(offset) }
    var count: Int64 = 0
    for byte in text.utf8[..<offset] where byte & 0xC0 != 0x80 { count += 1 }
    return count
  }

  private func charAt(_ text: Slot, _ index: Int64) -> Slot {
    guard let start = byteOffset(text, index) else { return outside(index, text) }
    guard start < text.utf8.count else { return makeString("") }
    return part(text, start..<(byteOffset(text, index + 1) ?? text.utf8.count))
  }

  private func outside(_ index: Int64, _ text: Slot) -> Slot {
    fail("index \(index) is out of range: the string has \(counted(codePoints(text), "character"))")
  }

  private func substring(_ arguments: Arguments, _ text: Slot) -> Slot {
    guard arguments[1].tag == .int, arguments.count == 2 || arguments[2].tag == .int else {
      return noOverload(arguments)
    }
    guard let start = byteOffset(text, arguments[1].asInt) else { return outside(arguments[1].asInt, text) }
    guard arguments.count == 3 else { return part(text, start..<text.utf8.count) }
    guard let end = byteOffset(text, arguments[2].asInt) else { return outside(arguments[2].asInt, text) }
    guard start <= end else { return fail("the substring ends before it starts") }
    return part(text, start..<end)
  }

  private func indexOf(_ arguments: Arguments, _ text: Slot) -> Slot {
    let wanted = arguments[1]
    guard wanted.tag == .string, arguments.count == 2 || arguments[2].tag == .int else { return noOverload(arguments) }
    let isLast = arguments.builtin == .lastIndexOf
    var bound: Int?
    if arguments.count == 3 {
      guard let offset = byteOffset(text, arguments[2].asInt) else { return outside(arguments[2].asInt, text) }
      bound = offset
    }
    let found =
      isLast
      ? findLast(wanted.utf8, in: text.utf8, upTo: bound ?? text.utf8.count)
      : find(wanted.utf8, in: text.utf8, from: bound ?? 0)
    return .int(found.map { codePoint(text, at: $0) } ?? -1)
  }

  private func findLast(
    _ part: UnsafeBufferPointer<UInt8>, in text: UnsafeBufferPointer<UInt8>, upTo bound: Int
  ) -> Int? {
    guard part.count <= text.count else { return nil }
    var offset = min(bound, text.count - part.count)
    while offset >= 0, fuel > 0 {
      charge(1 + part.count / 64)
      if isPart(part, of: text, at: offset) { return offset }
      offset -= 1
    }
    return nil
  }

  // MARK: Parts

  private func trim(_ text: Slot) -> Slot {
    let string = text.string.unicodeScalars
    guard let first = string.firstIndex(where: { !$0.properties.isWhitespace }),
      let last = string.lastIndex(where: { !$0.properties.isWhitespace })
    else { return makeString("") }
    let before = String(string[..<first]).utf8.count
    return part(text, before..<before + String(string[first...last]).utf8.count)
  }

  func reverseString(_ text: Slot) -> Slot {
    charge(Int(text.count) / 8)
    var scalars = String.UnicodeScalarView()
    scalars.append(contentsOf: text.string.unicodeScalars.reversed())
    return makeString(String(scalars))
  }

  private func replace(_ arguments: Arguments, _ text: Slot) -> Slot {
    let (old, new) = (arguments[1], arguments[2])
    guard old.tag == .string, new.tag == .string, arguments.count == 3 || arguments[3].tag == .int else {
      return noOverload(arguments)
    }
    var left = arguments.count == 4 && arguments[3].asInt >= 0 ? arguments[3].asInt : Int64.max
    var out: [UInt8] = []
    var offset = 0
    let source = text.utf8
    while left > 0, let found = find(old.utf8, in: source, from: offset) {
      out += source[offset..<found]
      out += new.utf8
      // An empty pattern matches between all characters.
      var next = found + old.utf8.count
      if old.count == 0 {
        guard next < source.count else {
          offset = next
          break
        }
        repeat {
          out.append(source[next])
          next += 1
        } while next < source.count && source[next] & 0xC0 == 0x80
      }
      offset = next
      left -= 1
      charge(1 + new.utf8.count / 16)
      guard fuel > 0, out.count <= limits.valueBytes else { return outOfMemory() }
    }
    out += source[min(offset, source.count)...]
    return makeString(out)
  }

  private func split(_ arguments: Arguments, _ text: Slot) -> Slot {
    let separator = arguments[1]
    guard separator.tag == .string, arguments.count == 2 || arguments[2].tag == .int else {
      return noOverload(arguments)
    }
    let limit = arguments.count == 3 && arguments[2].asInt >= 0 ? arguments[2].asInt : Int64.max
    if limit == 0 { return makeList([]) }
    if separator.count == 0 { return splitCharacters(text, limit) }
    var parts: [Slot] = []
    var offset = 0
    while parts.count + 1 < limit, let found = find(separator.utf8, in: text.utf8, from: offset) {
      parts.append(part(text, offset..<found))
      offset = found + separator.utf8.count
      charge(1)
      guard fuel > 0 else { return fail("too many parts") }
    }
    parts.append(part(text, offset..<text.utf8.count))
    return makeList(parts)
  }

  private func splitCharacters(_ text: Slot, _ limit: Int64) -> Slot {
    var parts: [Slot] = []
    let bytes = text.utf8
    var offset = 0
    while offset < bytes.count, parts.count + 1 < limit {
      var next = offset + 1
      while next < bytes.count, bytes[next] & 0xC0 == 0x80 { next += 1 }
      parts.append(part(text, offset..<next))
      offset = next
    }
    if offset < bytes.count { parts.append(part(text, offset..<bytes.count)) }
    charge(parts.count)
    return makeList(parts)
  }

  private func join(_ arguments: Arguments) -> Slot {
    let list = arguments[0]
    guard list.tag == .list, arguments.count == 1 || arguments.have(.list, .string) else {
      return noOverload(arguments)
    }
    var out: [UInt8] = []
    for (index, element) in list.elements.enumerated() {
      guard element.tag == .string else { return noOverload(arguments) }
      if index > 0, arguments.count == 2 { out += arguments[1].utf8 }
      out += element.utf8
      charge(1)
      guard fuel > 0, out.count <= limits.valueBytes else { return outOfMemory() }
    }
    return makeString(out)
  }

  private func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\u{07}": out += "\\a"
      case "\u{08}": out += "\\b"
      case "\u{0C}": out += "\\f"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case "\u{0B}": out += "\\v"
      case "\\": out += "\\\\"
      case "\"": out += "\\\""
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }

  // MARK: Base64

  func encoding(_ arguments: Arguments) -> Slot {
    let a = arguments[0]
    charge(Int(a.count) / 8)
    switch (arguments.builtin, a.tag, arguments.count) {
    case (.base64Encode, .bytes, 1): return makeString(Base64.encode(a.utf8))
    case (.urlEncode, .string, 1): return makeString(percentEncodedBytes(a.utf8))
    case (.base64Decode, .string, 1):
      return Base64.decode(a.utf8).map { makeString($0, .bytes) } ?? fail("this string is not base64")
    default: return noOverload(arguments)
    }
  }
}
