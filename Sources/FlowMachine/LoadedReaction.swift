import CEL
import FlowIR

/// A transition or a start, made ready.
struct LoadedReaction: Sendable {
  let guardExpression: LoadedExpression?
  let roles: [Int]
  let acts: [LoadedAct]
  /// When a timer is due: a duration, or a timestamp for `at`.
  let due: LoadedExpression?

  init(_ transition: Transition, _ types: TypeRegistry) throws(ProgramError) {
    guardExpression = try LoadedFlow.load(transition.guardExpression, types)
    roles = transition.roles
    acts = try LoadedAct.load(transition.acts, types)
    due =
      switch transition.trigger {
      case .after(let source), .every(let source), .at(let source): try LoadedExpression(source, types)
      case .cron(let cron): try LoadedFlow.load(cron.zone, types)
      default: nil
      }
  }

  init(_ start: Start, _ types: TypeRegistry) throws(ProgramError) {
    guardExpression = try LoadedFlow.load(start.guardExpression, types)
    roles = start.roles
    acts = try LoadedAct.load(start.acts, types)
    due = nil
  }
}

/// One act, made ready.
struct LoadedAct: Sendable {
  enum Kind: Sendable {
    case assign(slot: Int, part: [LoadedPartStep], LoadedExpression)
    case perform(action: Int, [LoadedExpression])
    case emit(event: Int, LoadedExpression)
    case raise(event: Int, LoadedExpression)
    case log(LoadedExpression)
  }

  let kind: Kind
  let loopSlot: Int
  let loopList: LoadedExpression?
  let condition: LoadedExpression?
  let place: Place

  init(_ act: Act, _ types: TypeRegistry) throws(ProgramError) {
    kind =
      switch act.kind {
      case .assign(let slot, let part, let source):
        .assign(slot: slot, part: try LoadedPartStep.load(part, types), try LoadedExpression(source, types))
      case .perform(let action, let arguments): .perform(action: action, try LoadedFlow.load(arguments, types))
      case .emit(let event, let source): .emit(event: event, try LoadedExpression(source, types))
      case .raise(let event, let source): .raise(event: event, try LoadedExpression(source, types))
      case .log(let source): .log(try LoadedExpression(source, types))
      }
    loopSlot = act.loop?.slot ?? 0
    loopList = try LoadedFlow.load(act.loop?.list, types)
    condition = try LoadedFlow.load(act.condition, types)
    place = act.place
  }

  static func load(_ acts: [Act], _ types: TypeRegistry) throws(ProgramError) -> [LoadedAct] {
    var loaded: [LoadedAct] = []
    for act in acts { loaded.append(try LoadedAct(act, types)) }
    return loaded
  }
}

/// A call, made ready.
struct LoadedCall: Sendable {
  let arguments: [LoadedExpression]
  let once: LoadedExpression?
  let loopList: LoadedExpression?
  let limit: LoadedExpression?
  let condition: LoadedExpression?
  let undo: [LoadedExpression]
  let place: Place

  init(_ call: Call, _ types: TypeRegistry) throws(ProgramError) {
    arguments = try LoadedFlow.load(call.arguments, types)
    once = try LoadedFlow.load(call.once, types)
    loopList = try LoadedFlow.load(call.loop?.list, types)
    limit = try LoadedFlow.load(call.limit, types)
    condition = try LoadedFlow.load(call.condition, types)
    undo = try LoadedFlow.load(call.undo?.arguments ?? [], types)
    place = call.place
  }
}

/// One selection on the way to the part of a field, made ready.
enum LoadedPartStep: Sendable {
  case field(String)
  case index(LoadedExpression)

  static func load(_ part: [Act.PartStep], _ types: TypeRegistry) throws(ProgramError) -> [LoadedPartStep] {
    var loaded: [LoadedPartStep] = []
    for step in part {
      switch step {
      case .field(let name): loaded.append(.field(name))
      case .index(let index): loaded.append(.index(try LoadedExpression(index, types)))
      }
    }
    return loaded
  }
}
