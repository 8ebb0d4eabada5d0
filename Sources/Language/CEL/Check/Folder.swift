import FlowSource

/// Evaluates operations on constants while checking.
struct Folder {
  /// The limits of one folded operation.
  private static let limits = Limits(fuel: 10_000, memoryBytes: 1 << 20, valueBytes: 1 << 16)
  /// The deepest nesting of a folded value, so that it can be stored.
  private static let maximumDepth = 20

  private let evaluator: Evaluator

  init(types: TypeRegistry) { evaluator = Evaluator(types: types, limits: Self.limits) }

  enum Outcome {
    case value(Value)
    case fault(Fault)
    /// Too large, or deferred to run time.
    case none
  }

  /// Calls a function with constants.
  func call(_ builtin: Builtin, _ arguments: [Value]) -> Outcome {
    run { evaluator in
      let slots = arguments.map { evaluator.make($0) }
      guard builtin == .add, slots.count > 2 else { return evaluator.call(builtin, slots) }
      return slots.dropFirst().reduce(slots[0]) { evaluator.call(builtin, [$0, $1]) }
    }
  }

  /// A list or map in its run-time form.
  func aggregate(_ value: Value) -> Outcome { run { $0.make(value) } }

  private func run(_ body: (Evaluator) -> Slot) -> Outcome {
    evaluator.prepareForFolding()
    defer { evaluator.reset() }
    let slot = body(evaluator)
    if evaluator.isStopped || slot.tag == .unset || slot.tag == .unknown { return .none }
    if slot.tag == .error { return evaluator.fault(slot).map(Outcome.fault) ?? .none }
    return slot.depth <= Self.maximumDepth ? .value(evaluator.value(slot)) : .none
  }
}

extension Evaluator {
  /// Calls a function outside of a program.
  fileprivate func call(_ builtin: Builtin, _ slots: [Slot]) -> Slot {
    if let abnormal = slots.first(where: \.isAbnormal) { return abnormal }
    var memory = slots + [.unset]
    return memory.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.map { call(builtin, arguments: $0, count: slots.count) } ?? .unset
    }
  }
}

extension Checker {
  /// The constant that `typed` always is, or `typed` itself.
  mutating func fold(_ typed: TypedExpression, _ nameRange: SourceRange? = nil) -> TypedExpression {
    if isLenient || typed.type == .error { return typed }
    switch typed.kind {
    case .call(let builtin, _, let arguments):
      let constants = arguments.compactMap(\.constant)
      let isConstant = constants.count == arguments.count
      guard checkConstants(builtin, arguments, isFolded: isConstant), isConstant, !isLazy(builtin) else { return typed }
      return finish(typed, folder.call(builtin, constants + extra(builtin, typed.type)))
    case .list(let elements):
      let constants = elements.compactMap { $0.isOptional ? nil : $0.value.constant }
      return constants.count == elements.count ? finish(typed, folder.aggregate(.list(constants))) : typed
    case .map(let entries):
      let constants = entries.compactMap { entry -> MapValue.Entry? in
        guard !entry.isOptional, let key = entry.key.constant, let value = entry.value.constant else { return nil }
        return MapValue.Entry(key, value)
      }
      return constants.count == entries.count ? finish(typed, folder.aggregate(.map(MapValue(constants)))) : typed
    default: return typed
    }
  }

  private func isLazy(_ builtin: Builtin) -> Bool { builtin == .or || builtin == .orValue }

  /// Arguments that compiled code adds: a sum receives the zero of its type, for an empty list.
  private func extra(_ builtin: Builtin, _ type: ValueType) -> [Value] {
    builtin == .sum ? [environment.types.zero(of: type)] : []
  }

  private mutating func finish(_ typed: TypedExpression, _ outcome: Folder.Outcome) -> TypedExpression {
    switch outcome {
    case .value(let value): return TypedExpression(typed.range, typed.type, .constant(value))
    case .fault(let fault):
      if environment.reportsConstantFaults, fault.code != "F204" {
        report(fault.code, message: fault.message, at: typed.range)
      }
      return typed
    case .none: return typed
    }
  }
}
