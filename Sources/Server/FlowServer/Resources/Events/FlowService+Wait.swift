import Dispatch
import FlowHTTP
import FlowJSON
import FlowRuntime
import Synchronization

// `Prefer: wait=10` (RFC 7240): the response to an event follows when the instance is quiescent, or at the timeout.
extension FlowService {
  /// The maximum wait, in seconds.
  static let maximumWaitSeconds = 60

  /// The requested wait in seconds; nil for none.
  /// - Throws: 400.
  func wait(_ request: HTTPRequest) throws(Problem) -> Int? {
    for value in request.headers.values(of: "Prefer") {
      for part in value.split(whereSeparator: { $0 == "," || $0 == ";" }) {
        let words = part.filter { $0 != " " && $0 != "\t" }.split(separator: "=", maxSplits: 1)
        guard words.first?.lowercased() == "wait", words.count == 2 else { continue }
        guard let seconds = Int(words[1]), seconds >= 0 else {
          throw .badRequest("`Prefer: wait` must be a number of seconds")
        }
        return min(seconds, FlowService.maximumWaitSeconds)
      }
    }
    return nil
  }

  /// Responds when the instance has no work in progress.
  func answerWhenQuiet(_ answer: EventAnswer, within seconds: Int, request: RouteRequest, access: ReadAccess) {
    let waiter = QuiescenceWaiter(answer, seconds: seconds, request: request, access: access)
    let listener = live.watch(flow: answer.flow, key: answer.key, after: answer.sequence) { [self] _ in
      inspect(waiter)
    }
    waiter.attach(listener)
    inspect(waiter)
    DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds)) { [self] in
      waiter.expire()
      inspect(waiter)
    }
  }

  /// Reads the instance, once for all entries that arrive meanwhile.
  private func inspect(_ waiter: QuiescenceWaiter) {
    guard waiter.beginRead() else { return }
    reader.read { [self] queries in
      repeat {
        let isLast = waiter.isExpired
        let view = (try? view((waiter.answer.flow, waiter.answer.key), queries: queries, access: waiter.access)) ?? nil
        if isLast || waiter.hasLeft || view?.isQuiet == true { waiter.finish(view, live) }
      } while waiter.mustReadAgain()
    }
  }
}

/// A client that waits for an instance to become quiescent.
private final class QuiescenceWaiter: Sendable {
  private struct State {
    var isOver = false
    var isExpired = false
    var isReading = false
    var isStale = false
    var listener: LiveListener?
  }

  let answer: EventAnswer
  private let seconds: Int
  private let request: RouteRequest
  let access: ReadAccess
  private let state = Mutex(State())

  init(_ answer: EventAnswer, seconds: Int, request: RouteRequest, access: ReadAccess) {
    self.access = access
    self.answer = answer
    self.seconds = seconds
    self.request = request
  }

  var isExpired: Bool { state.withLock { $0.isExpired } }

  /// True if the client has disconnected.
  var hasLeft: Bool { request.http.peer?.hasEnded ?? false }

  func attach(_ listener: LiveListener) { state.withLock { $0.listener = listener } }

  func expire() { state.withLock { $0.isExpired = true } }

  /// - Returns: False when a read is in progress, which is then repeated, or when the wait has ended.
  func beginRead() -> Bool {
    state.withLock { state in
      if state.isOver { return false }
      defer { state.isReading = true }
      if state.isReading { state.isStale = true }
      return !state.isReading
    }
  }

  /// Ends a read.
  /// - Returns: True if entries arrived since it started.
  func mustReadAgain() -> Bool {
    state.withLock { state in
      defer { state.isStale = false }
      if state.isStale, !state.isOver { return true }
      state.isReading = false
      return false
    }
  }

  /// Responds, once: with 202 when the instance is not yet quiescent.
  func finish(_ view: InstanceView?, _ live: LiveHub) {
    let (isFirst, listener) = state.withLock { state in
      defer { state.isOver = true }
      return (!state.isOver, state.listener)
    }
    guard isFirst else { return }
    if let listener { live.remove(listener) }
    let isQuiet = view?.isQuiet ?? false
    var response = answer.response
    if !isQuiet { response.status = 202 }
    response.headers.append(("Preference-Applied", "wait=\(seconds)"))
    let more: [JSON.Member] = [.init("quiet", .bool(isQuiet)), .init("instance", view?.json ?? .null)]
    response.body = JSON.object((answer.json.members ?? []) + more).bytes() + [0x0A]
    request.respond.send(response)
  }
}
