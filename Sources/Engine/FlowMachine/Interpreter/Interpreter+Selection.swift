import CEL
import FlowIR

// Who takes a trigger.
extension Interpreter {
  /// Asks the active states, innermost first; a state only when nothing inside of it took the trigger.
  ///
  /// Leaves the transitions in ``selected``, in document order.
  mutating func select(_ trigger: Int, _ flow: LoadedFlow) throws(StepFailure) {
    selected.removeAll()
    isIgnored = false
    isDeferred = false
    // Rows come in descending order of states, so that whatever lies inside of a state was asked right before it.
    var lowest = Int32.max
    for index in flow.triggers[trigger].range {
      let answer = flow.answers[index]
      guard active.contains(Int(answer.state)), lowest >= answer.end else { continue }
      if try ask(answer, flow) { lowest = answer.state }
    }
    if selected.count > 1 { order(flow) }
  }

  private mutating func ask(_ answer: ReactionRow, _ flow: LoadedFlow) throws(StepFailure) -> Bool {
    if try ask(answer.exact, flow) { return true }
    switch answer.reply {
    case .ignore: isIgnored = true
    case .defer: isDeferred = true
    case .no: return try answer.any.isEmpty ? false : ask(answer.any, flow)
    }
    return true
  }

  private mutating func ask(_ candidates: RowRange, _ flow: LoadedFlow) throws(StepFailure) -> Bool {
    for index in candidates.range {
      let transition = flow.indices[index]
      guard try isEnabled(transition, flow) else { continue }
      selected.append(transition)
      return true
    }
    return false
  }

  mutating func isEnabled(_ transition: Int32, _ flow: LoadedFlow) throws(StepFailure) -> Bool {
    let row = flow.transitions[transition]
    if row.hasRoles, !holdsRole(flow.flow.transitions[Int(transition)].roles) { return false }
    return row.condition == none ? true : try isTrue(row.condition, row.place, flow)
  }

  func holdsRole(_ roles: [Int]) -> Bool {
    guard !roles.isEmpty, hasCaller else { return true }
    return roles.contains { caller.roles.contains(machine.program.roles[$0]) }
  }

  /// Document order; and where two would leave a common state, the first stays (SCXML, removeConflictingTransitions).
  private mutating func order(_ flow: LoadedFlow) {
    selected.sort()
    var kept = 0
    for position in 0..<selected.count {
      let row = flow.transitions[selected[position]]
      let isFree = row.domain == none || !(0..<kept).contains { leaveCommonState(row, flow.transitions[selected[$0]]) }
      guard isFree else { continue }
      selected[kept] = selected[position]
      kept += 1
    }
    selected.removeAll(from: kept)
  }

  private func leaveCommonState(_ one: TransitionRow, _ other: TransitionRow) -> Bool {
    guard other.domain != none else { return false }
    guard let first = active.next(from: Int(max(one.exitLow, other.exitLow))) else { return false }
    return first < Int(min(one.exitHigh, other.exitHigh))
  }
}

// MARK: - Evaluation

extension Interpreter {
  @inline(__always)
  mutating func isTrue(_ program: Int32, _ place: Int32, _ flow: LoadedFlow) throws(StepFailure) -> Bool {
    if isSelfStale { bindSelf(flow) }
    do throws(EvaluationError) {
      return try evaluator.isTrue(flow.programs, Int(program), frame: frame)
    } catch {
      throw failed(error, program, place)
    }
  }

  @inline(__always)
  mutating func evaluate(_ program: Int32, _ place: Int32, _ flow: LoadedFlow) throws(StepFailure) -> Slot {
    if isSelfStale { bindSelf(flow) }
    do throws(EvaluationError) {
      return try evaluator.evaluate(flow.programs, Int(program), frame: frame)
    } catch {
      throw failed(error, program, place)
    }
  }

  mutating func value(_ program: Int32, _ place: Int32, _ flow: LoadedFlow) throws(StepFailure) -> Value {
    evaluator.value(try evaluate(program, place, flow), as: flow.sources[Int(program)].tree.type)
  }

  mutating func values(_ programs: RowRange, _ place: Int32, _ flow: LoadedFlow) throws(StepFailure) -> [Value] {
    var values: [Value] = []
    for program in programs.range { values.append(try value(Int32(program), place, flow)) }
    return values
  }

  /// Notes what went wrong.
  mutating func failed(_ error: EvaluationError, _ program: Int32, _ place: Int32) -> StepFailure {
    problem = error
    return StepFailure(.failed, program: program, place: place)
  }

  // MARK: - What expressions see

  func bind(_ caller: Caller) {
    let value = Value.record(
      RecordValue(
        typeName: BuiltInTypes.caller,
        fields: [.init("id", .string(caller.id)), .init("roles", .list(caller.roles.map { .string($0) }))]))
    frame[FrameLayout.caller] = evaluator.slot(value, as: .record(BuiltInTypes.caller))
  }

  /// `self` as it is now: in the exit of a state its children are not active any more.
  private mutating func bindSelf(_ flow: LoadedFlow) {
    isSelfStale = false
    let value = Interpreter.selfRecord(key: key, states: flow.leafPaths(active), startedAt: startedAt)
    frame[FrameLayout.selfRecord] = evaluator.slot(value, as: .record(BuiltInTypes.selfRecord))
  }

  static func selfRecord(key: String, states: [String], startedAt: Int64) -> Value {
    .record(
      RecordValue(
        typeName: BuiltInTypes.selfRecord,
        fields: [
          .init("id", .string(key)), .init("state", .string(states.joined(separator: " "))),
          .init("started_at", .timestamp(Timestamp(milliseconds: startedAt))),
        ]))
  }

  /// What a failure is to the reactions that ask for it.
  func failure(code: String, message: String, attempts: Int, call: String) -> Slot {
    let record = RecordValue(
      typeName: BuiltInTypes.failure,
      fields: [
        .init("code", .string(code)), .init("message", .string(message)), .init("attempts", .int(Int64(attempts))),
        .init("call", .string(call)),
      ])
    return evaluator.slot(.record(record), as: .record(BuiltInTypes.failure))
  }
}
