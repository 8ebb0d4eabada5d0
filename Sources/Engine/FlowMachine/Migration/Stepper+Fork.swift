import CEL
import FlowIR
import FlowJSON

/// The reason that an instance can't be copied.
public struct ForkProblem: Error, Hashable, Sendable {
  public var message: String
  /// The message without values of the instance.
  public var summary: String

  /// - Parameter summary: Nil for a message without values.
  public init(message: String, summary: String? = nil) {
    self.message = message
    self.summary = summary ?? message
  }
}

extension Stepper {
  /// Copies an instance under another key: with the same states, the same data and the same timers. Nothing is entered
  /// or left.
  /// - Throws: `ForkProblem` for an instance with a pending call, because its result can reach only one of two
  ///   instances.
  public func fork(_ old: Instance, as key: String, now: Int64) throws(ForkProblem) -> Step {
    let flow = machine.program.flows[old.flow]
    guard !flow.isCallable else {
      throw ForkProblem(message: "`\(old.key)` was called by an instance, which waits for this one alone")
    }
    if let call = old.pendingCalls.min() {
      throw ForkProblem(
        message: "`\(old.key)` waits for `\(flow.calls[call].name)`, whose result can reach only one of two")
    }
    if let bound = flow.key.flatMap({ flow.fields[$0].bound }),
      let excess = Value.string(key).excess(over: bound.maximum)
    {
      throw ForkProblem(message: "the key `\(bound.name)` holds \(excess)")
    }
    let header = InstanceHeader(
      flow: old.flow, key: key, status: old.status, revision: old.revision, startedAt: now)
    let copy: Instance
    do throws(ProgramError) {
      copy = try restore(header, position: old.positionJSON(in: machine), data: data(of: old, flow, key))
    } catch {
      throw ForkProblem(message: error.message, summary: "the copy does not fit the flow")
    }
    switch interpreter.migrate(copy, FirstWork(), now: now) {
    case .refused(let refusal): throw ForkProblem(message: refusal.message, summary: refusal.summary)
    case .accepted(let step): return step
    }
  }

  /// The data of the instance, with the new key in the key field of the flow.
  private func data(of old: Instance, _ flow: Flow, _ key: String) -> JSON {
    var members = old.dataJSON(in: machine).members ?? []
    let name = flow.key.map { flow.fields[$0].name }
    for index in members.indices where members[index].name == name { members[index].value = .string(key) }
    return .object(members)
  }
}
