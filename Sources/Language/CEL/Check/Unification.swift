/// Bindings of type parameters, extended by unification.
struct Substitution {
  private(set) var bindings: [String: ValueType] = [:]

  /// `type` with all bindings substituted; unbound parameters become `dyn` if `isFinal`.
  func apply(_ type: ValueType, isFinal: Bool = false) -> ValueType {
    if case .parameter(let name) = type {
      guard let bound = bindings[name] else { return isFinal ? .dyn : type }
      return apply(bound, isFinal: isFinal)
    }
    return type.parameters.isEmpty ? type : type.mapParameters { apply($0, isFinal: isFinal) }
  }

  /// Unifies `source` with the wanted `target` and binds type parameters; false when they don't agree.
  mutating func unify(_ source: ValueType, _ target: ValueType) -> Bool {
    var copy = self
    guard copy.isAssignable(source, target) else { return false }
    self = copy
    return true
  }

  /// The same for several; all or nothing.
  mutating func unify(_ sources: [ValueType], _ targets: [ValueType]) -> Bool {
    var copy = self
    guard sources.count == targets.count, zip(sources, targets).allSatisfy({ copy.isAssignable($0, $1) }) else {
      return false
    }
    self = copy
    return true
  }

  private mutating func isAssignable(_ source: ValueType, _ target: ValueType) -> Bool {
    if case .parameter(let name) = target {
      let (isValid, wasBound) = substitute(name, source)
      if isValid || wasBound { return isValid }
    }
    if case .parameter(let name) = source { return substitute(name, target).isValid }
    if source.isDynOrError || target.isDynOrError { return true }
    switch (source, target) {
    case (.null, .null): return true
    case (.null, let other), (let other, .null): return other.isNullable
    case (.wrapper(let a), .wrapper(let b)): return a == b
    case (.wrapper(let wrapped), let other), (let other, .wrapper(let wrapped)): return wrapped == other
    case (.type, .type): return true
    case (.list, .list), (.map, .map), (.optional, .optional): return areAssignable(source, target)
    case (.opaque(let a, _), .opaque(let b, _)): return a == b && areAssignable(source, target)
    default: return source == target
    }
  }

  private mutating func areAssignable(_ source: ValueType, _ target: ValueType) -> Bool {
    let targets = target.parameters
    guard source.parameters.count == targets.count else { return false }
    for (index, parameter) in source.parameters.enumerated() where !isAssignable(parameter, targets[index]) {
      return false
    }
    return true
  }

  /// Tries to bind `name` to `type`: to the more general of that and its current binding.
  private mutating func substitute(_ name: String, _ type: ValueType) -> (isValid: Bool, wasBound: Bool) {
    if type == .parameter(name) { return (true, true) }
    if let bound = bindings[name] {
      if bound == type { return (true, true) }
      guard isAssignable(type, bound) else { return (false, true) }
      let general = Self.mostGeneral(type, bound)
      if !occurs(name, in: general) { bindings[name] = general.bounded }
      return (true, true)
    }
    guard !occurs(name, in: type) else { return (false, false) }
    bindings[name] = type.bounded
    return (true, false)
  }

  private func occurs(_ name: String, in type: ValueType) -> Bool {
    if case .parameter(let other) = type {
      return other == name || bindings[other].map { occurs(name, in: $0) } ?? false
    }
    return type.parameters.contains { occurs(name, in: $0) }
  }

  /// The more general of two agreeing types.
  static func mostGeneral(_ first: ValueType, _ second: ValueType) -> ValueType {
    isAtLeastAsGeneral(first, second) ? first : second
  }

  private static func isAtLeastAsGeneral(_ first: ValueType, _ second: ValueType) -> Bool {
    switch (first, second) {
    case (.dyn, _), (.error, _), (.parameter, _): return true
    case (_, .dyn), (_, .error), (_, .parameter): return false
    case (_, .null): return true
    case (.null, _): return false
    case (.wrapper, _): return true
    case (_, .wrapper): return false
    default:
      let others = second.parameters
      return first.parameters.count == others.count
        && first.parameters.enumerated().allSatisfy { isAtLeastAsGeneral($1, others[$0]) }
    }
  }
}

extension ValueType {
  /// True when null is accepted for the type; a rule older than optionals.
  var isNullable: Bool {
    switch self {
    case .record, .timestamp, .duration, .opaque, .wrapper, .optional: true
    default: false
    }
  }
}
