import CHiredis

/// A reply of Redis.
indirect enum RedisValue {
  case absent
  case integer(Int64)
  case bytes([UInt8])
  case array([RedisValue])
  /// An error, with its text.
  case failure(String)

  init(_ reply: UnsafeMutablePointer<redisReply>) {
    switch reply.pointee.type {
    case REDIS_REPLY_INTEGER: self = .integer(reply.pointee.integer)
    case REDIS_REPLY_NIL: self = .absent
    case REDIS_REPLY_ERROR: self = .failure(String(decoding: RedisValue.bytes(reply), as: UTF8.self))
    case REDIS_REPLY_ARRAY:
      self = .array(
        (0..<Int(reply.pointee.elements)).map { index in
          reply.pointee.element[index].map { RedisValue($0) } ?? .absent
        })
    default: self = .bytes(RedisValue.bytes(reply))
    }
  }

  private static func bytes(_ reply: UnsafeMutablePointer<redisReply>) -> [UInt8] {
    guard let start = reply.pointee.str else { return [] }
    return Array(UnsafeRawBufferPointer(start: start, count: Int(reply.pointee.len)))
  }

  var array: [RedisValue]? {
    if case .array(let items) = self { items } else { nil }
  }

  var bytes: [UInt8]? {
    if case .bytes(let bytes) = self { bytes } else { nil }
  }

  var text: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

  var integer: Int64? {
    if case .integer(let number) = self { number } else { nil }
  }

  /// The value after a name in a flat list of names and values.
  func member(_ name: String) -> RedisValue? {
    guard let items = array else { return nil }
    for index in stride(from: 0, to: items.count - 1, by: 2) where items[index].text == name {
      return items[index + 1]
    }
    return nil
  }
}
