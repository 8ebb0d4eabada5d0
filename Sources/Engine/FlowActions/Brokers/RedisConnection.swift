import CHiredis
import FlowJSON
import FlowRuntime
import Foundation

/// A connection to Redis.
final class RedisConnection: BrokerConnection {
  /// The largest answer that is taken.
  static let maximumAnswer = 1 << 20
  /// Errors that pass, by their first word.
  private static let passing: Set<String> = [
    "LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "READONLY", "OOM", "NOREPLICAS", "MISCONF",
  ]

  private let context: UnsafeMutablePointer<redisContext>
  private(set) var isUsable = true
  /// True if the last command had no reply in time.
  private var isLate = false

  init(_ url: ServerURL, timeoutMilliseconds: Int64) throws(BrokerProblem) {
    guard let port = Int32(url.port),
      let context = flow_redis_connect(url.plainHost, port, Int(timeoutMilliseconds))
    else { throw BrokerProblem(message: "no connection to Redis can be made") }
    self.context = context
    guard context.pointee.err == 0 else {
      throw BrokerProblem(message: "Redis can't be reached: \(problem)")
    }
    flow_redis_set_timeout(context, Int(timeoutMilliseconds))
    if let password = url.password {
      try prepare(["AUTH"] + (url.user.map { $0.isEmpty ? [] : [$0] } ?? []) + [password])
    }
    if !url.path.isEmpty { try prepare(["SELECT", url.path]) }
  }

  deinit { redisFree(context) }

  var descriptor: Int32 { context.pointee.fd }

  private var problem: String {
    withUnsafeBytes(of: context.pointee.errstr) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  private func prepare(_ words: [String]) throws(BrokerProblem) {
    switch send(words) {
    case .done: return
    case .failed(let code, _), .impossible(let code, _):
      throw BrokerProblem(message: "Redis refuses `\(words[0])`: \(code)")
    default: throw BrokerProblem(message: "Redis did not answer `\(words[0])`")
    }
  }

  func perform(_ request: JobRequest, _ settings: JSON) -> JobOutcome {
    flow_redis_set_timeout(context, Int(request.timeoutMilliseconds))
    let command = settings["command"]?.string ?? ""
    guard !command.isEmpty, !command.contains(" ") else {
      return .impossible(code: "BAD_REQUEST", message: "the command is one word; what follows it stands in `args`")
    }
    return send([command] + (settings["args"]?.array ?? []).compactMap(\.string))
  }

  private func send(_ words: [String]) -> JobOutcome {
    guard let raw = reply(to: words) else {
      return .unreachable(isLate ? "Redis did not answer in time" : "the connection to Redis broke: \(problem)")
    }
    defer { freeReplyObject(raw) }
    let reply = raw.assumingMemoryBound(to: redisReply.self)
    if reply.pointee.type == REDIS_REPLY_ERROR { return failure(text(reply)) }
    var room = RedisConnection.maximumAnswer
    guard let value = value(reply, &room) else {
      return .impossible(code: "ANSWER_TOO_LONG", message: "the answer has more than \(room) bytes")
    }
    return .done(value)
  }

  /// The reply to a command as a tree of bytes.
  /// - Parameter milliseconds: The longest time until the reply.
  func values(_ words: [String], milliseconds: Int) throws(BrokerProblem) -> RedisValue {
    flow_redis_set_timeout(context, milliseconds)
    guard let raw = reply(to: words) else {
      throw BrokerProblem(
        message: isLate ? "Redis did not answer in time" : "the connection to Redis broke: \(problem)")
    }
    defer { freeReplyObject(raw) }
    return RedisValue(raw.assumingMemoryBound(to: redisReply.self))
  }

  /// Sends each word by its length: none can become two, or another command.
  /// - Returns: The reply, which has to be freed; nil when the connection is not usable any more.
  private func reply(to words: [String]) -> UnsafeMutableRawPointer? {
    let bytes = words.map { Array($0.utf8) }
    let copies = bytes.map { word in
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: word.count + 1)
      for (index, byte) in word.enumerated() { copy[index] = CChar(bitPattern: byte) }
      return copy
    }
    defer { for copy in copies { copy.deallocate() } }
    var pointers = copies.map { Optional(UnsafePointer($0)) }
    var lengths = bytes.map(\.count)
    guard let raw = redisCommandArgv(context, Int32(words.count), &pointers, &lengths) else {
      isUsable = false
      isLate = errno == EAGAIN
      return nil
    }
    return raw
  }

  private func failure(_ message: String) -> JobOutcome {
    let word = String(message.prefix { $0 != " " })
    let code = "REDIS_\(word)"
    return RedisConnection.passing.contains(word)
      ? .failed(code: code, message: message) : .impossible(code: code, message: message)
  }

  private func text(_ reply: UnsafeMutablePointer<redisReply>) -> String {
    guard let start = reply.pointee.str else { return "" }
    return String(
      decoding: UnsafeRawBufferPointer(start: start, count: Int(reply.pointee.len)), as: UTF8.self)
  }

  /// The answer as JSON; nil when there is too much of it.
  private func value(_ reply: UnsafeMutablePointer<redisReply>, _ room: inout Int) -> JSON? {
    room -= Int(reply.pointee.len) + 8
    guard room > 0 else { return nil }
    switch reply.pointee.type {
    case REDIS_REPLY_INTEGER: return .int(reply.pointee.integer)
    case REDIS_REPLY_NIL: return .null
    case REDIS_REPLY_ARRAY:
      var items: [JSON] = []
      for index in 0..<Int(reply.pointee.elements) {
        guard let element = reply.pointee.element[index], let item = value(element, &room) else { return nil }
        items.append(item)
      }
      return .array(items)
    default: return .string(text(reply))
    }
  }
}
