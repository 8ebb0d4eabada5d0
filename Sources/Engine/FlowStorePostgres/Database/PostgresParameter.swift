/// A value that is bound to a statement, in the binary format of the protocol.
enum PostgresParameter {
  case integer(Int64?)
  case text(String?)
  /// Text that never contains a zero byte, such as JSON and hashes.
  case document([UInt8])
  case integers([Int64])
  case optionalIntegers([Int64?])
  case texts([String])
  case optionalTexts([String?])
  case documents([[UInt8]])

  /// The object identifier of the type in PostgreSQL.
  var type: UInt32 {
    switch self {
    case .integer: PostgresParameter.integerType
    case .text, .document: PostgresParameter.textType
    case .integers, .optionalIntegers: 1016
    case .texts, .optionalTexts, .documents: 1009
    }
  }

  private static let integerType: UInt32 = 20
  private static let textType: UInt32 = 25

  /// The encoded value; nil is NULL.
  var bytes: [UInt8]? {
    switch self {
    case .integer(let value): return value.map { value in PostgresParameter.bytes(of: value) }
    case .text(let value): return value.map { StoredText.encode($0) }
    case .document(let value): return value
    case .integers(let values): return PostgresParameter.array(of: values)
    case .optionalIntegers(let values): return PostgresParameter.array(of: values)
    case .texts(let values): return PostgresParameter.array(of: values.map { StoredText.encode($0) })
    case .optionalTexts(let values): return PostgresParameter.array(of: values.map { $0.map { StoredText.encode($0) } })
    case .documents(let values): return PostgresParameter.array(of: values.map(Optional.some))
    }
  }

  private static func bytes(of value: Int64) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
  }

  private static func array(of values: [Int64]) -> [UInt8] {
    var out = header(count: values.count, type: integerType, capacity: values.count * 12)
    for value in values {
      append(8, to: &out)
      withUnsafeBytes(of: value.bigEndian) { out.append(contentsOf: $0) }
    }
    return out
  }

  private static func array(of values: [Int64?]) -> [UInt8] {
    var out = header(count: values.count, type: integerType, capacity: values.count * 12)
    for value in values {
      append(value == nil ? -1 : 8, to: &out)
      if let value { withUnsafeBytes(of: value.bigEndian) { out.append(contentsOf: $0) } }
    }
    return out
  }

  private static func array(of values: [[UInt8]?]) -> [UInt8] {
    let size = values.reduce(0) { $0 + 4 + ($1?.count ?? 0) }
    var out = header(count: values.count, type: textType, capacity: size)
    for value in values {
      append(value.map { Int32($0.count) } ?? -1, to: &out)
      if let value { out += value }
    }
    return out
  }

  private static func array(of values: [[UInt8]]) -> [UInt8] { array(of: values.map(Optional.some)) }

  /// Dimensions, flag for NULL, type of the elements; length and lower bound of the only dimension.
  private static func header(count: Int, type: UInt32, capacity: Int) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(20 + capacity)
    for number in count == 0 ? [0, 1, Int32(bitPattern: type)] : [1, 1, Int32(bitPattern: type), Int32(count), 1] {
      append(number, to: &out)
    }
    return out
  }

  private static func append(_ number: Int32, to out: inout [UInt8]) {
    withUnsafeBytes(of: number.bigEndian) { out.append(contentsOf: $0) }
  }
}

/// Text in a column. PostgreSQL has no zero byte in text: it is stored as `\0`, and a backslash as `\\`.
enum StoredText {
  private static let backslash: UInt8 = 0x5C
  private static let zero: UInt8 = 0x30

  static func encode(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8)
    guard bytes.contains(where: { $0 == 0 || $0 == backslash }) else { return bytes }
    var out: [UInt8] = []
    out.reserveCapacity(bytes.count + 8)
    for byte in bytes {
      switch byte {
      case 0: out += [backslash, zero]
      case backslash: out += [backslash, backslash]
      default: out.append(byte)
      }
    }
    return out
  }

  static func decode(_ bytes: UnsafeRawBufferPointer) -> String {
    guard bytes.contains(backslash) else { return String(decoding: bytes, as: UTF8.self) }
    var out: [UInt8] = []
    var isEscaped = false
    for byte in bytes {
      if isEscaped {
        out.append(byte == zero ? 0 : byte)
        isEscaped = false
      } else if byte == backslash {
        isEscaped = true
      } else {
        out.append(byte)
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}
