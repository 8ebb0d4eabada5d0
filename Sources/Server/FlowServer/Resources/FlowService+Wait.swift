import Dispatch
import FlowHTTP
import FlowJSON
import FlowRuntime
import Synchronization

// `Prefer: wait=10` (RFC 7240): the answer to an event comes when the instance is quiet, or the time is over.
extension FlowService {
  /// The longest that an answer waits, in seconds.
  static let maximumWaitSeconds = 60

  /// How long the client wants to wait; nil when it does not.
  func wait(_ request: HTTPRequest) throws(Problem) -> Int? {
    for value in request.headers.values(of: "Prefer") {
      for part in value.split(whereSeparator: { $0 == "," || $0 == ";" }) {
        let words = part.filter { $0 != " " && $0 != "\t" }.split(separator: "=", maxSplits: 1)
        guard words.first?.lowercased() == "wait", words.count == 2 else { continue }
        guard let seconds = Int(words[1]), seconds >= 0 else {
          throw .badRequest("`Prefer: wait` takes a number of seconds")
        }
        return min(seconds, FlowService.maximumWaitSeconds)
      }
    }
    return nil
  }

  /// Answers when nothing of the instance is under way any more.
  func answerWhenQuiet(_ answer: EventAnswer, within seconds: Int, _ respond: Responder) {
    let visit = QuiescenceWaiter(answer: answer, seconds: seconds, respond: respond)
    let listener = live.watch(flow: answer.flow, key: answer.key, after: answer.sequence) { [self] _ in
      look(visit, isLast: false)
    }
    visit.keep(listener)
    look(visit, isLast: false)
    DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds)) { [self] in look(visit, isLast: true) }
  }

  private func look(_ visit: QuiescenceWaiter, isLast: Bool) {
    guard !visit.isOver else { return }
    reader.read { [self] queries in
      guard let view = try? view((visit.answer.flow, visit.answer.key), queries) else {
        return isLast ? visit.end(nil, live) : ()
      }
      if isLast || view.isQuiet { visit.end(view, live) }
    }
  }
}

/// A client that waits for an instance to come to rest.
private final class QuiescenceWaiter: Sendable {
  let answer: EventAnswer
  private let seconds: Int
  private let respond: Responder
  private let state = Mutex((isOver: false, listener: LiveListener?.none))

  init(answer: EventAnswer, seconds: Int, respond: Responder) {
    self.answer = answer
    self.seconds = seconds
    self.respond = respond
  }

  var isOver: Bool { state.withLock { $0.isOver } }

  func keep(_ listener: LiveListener) { state.withLock { $0.listener = listener } }

  /// Answers, once: 202 when it is not quiet yet.
  func end(_ view: InstanceView?, _ live: LiveHub) {
    let listener = state.withLock { state -> LiveListener?? in
      if state.isOver { return nil }
      state.isOver = true
      return .some(state.listener)
    }
    guard let listener else { return }
    if let listener { live.forget(listener) }
    let isQuiet = view?.isQuiet ?? false
    var response = answer.response
    if !isQuiet { response.status = 202 }
    response.headers.append(("Preference-Applied", "wait=\(seconds)"))
    let more: [JSON.Member] = [.init("quiet", .bool(isQuiet)), .init("instance", view?.json ?? .null)]
    response.body = JSON.object((answer.json.members ?? []) + more).bytes() + [0x0A]
    respond.send(response)
  }
}
