import FlowHTTP
import FlowIR
import FlowMachine
import FlowRuntime
import FlowSource

/// `Prefer: wait=10` or `wait=10, state=accepted` (RFC 7240) of a request with an event.
struct WaitPreference: Sendable {
  /// The maximum wait, in seconds.
  static let maximumSeconds = 60

  var seconds: Int
  /// The path of the state to wait for; nil to wait until the instance is quiescent.
  var state: String?

  /// The value of `Preference-Applied`.
  var text: String { "wait=\(seconds)" + (state.map { ", state=\($0)" } ?? "") }

  /// Returns whether one of the active states is the state to wait for, or inside of it.
  func isReached(by active: [String]) -> Bool {
    guard let state else { return false }
    return active.contains { $0 == state || $0.hasPrefix(state + ".") }
  }

  /// The preference of a request; nil for none.
  /// - Parameter entries: The flows that the event may reach.
  /// - Throws: 400, also for a state that no such flow has.
  init?(_ request: HTTPRequest, flows entries: @autoclosure () -> [Catalogue.Entry]) throws(Problem) {
    var seconds: Int?
    for value in request.headers.values(of: "Prefer") {
      for part in value.split(whereSeparator: { $0 == "," || $0 == ";" }) {
        let words = part.filter { $0 != " " && $0 != "\t" }.split(separator: "=", maxSplits: 1).map(String.init)
        guard words.count == 2 else { continue }
        switch words[0].lowercased() {
        case "wait" where seconds == nil:
          guard let given = Int(words[1]), given >= 0 else {
            throw .badRequest("`Prefer: wait` must be a number of seconds")
          }
          seconds = min(given, WaitPreference.maximumSeconds)
        case "state" where state == nil: state = words[1].filter { $0 != "\"" }
        default: break
        }
      }
    }
    guard let seconds else {
      if state != nil { throw .badRequest("`Prefer: state` requires the time to wait: `wait=10, state=…`") }
      return nil
    }
    self.seconds = seconds
    guard let state else { return }
    let known = entries().flatMap { $0.machine.program.flows[$0.flow].states.dropFirst().map(\.path) }
    guard !known.contains(state) else { return }
    let guess = Suggestion.closest(to: state, among: known).first.map { ", did you mean `\($0)`?" }
    throw .badRequest("`Prefer: state`: there is no state `\(state)`" + (guess ?? ""))
  }
}
