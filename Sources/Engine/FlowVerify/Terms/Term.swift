import CEL

/// The index of a term in a ``TermPool``.
struct TermIndex: Hashable, Sendable, BitwiseCopyable {
  var rawValue: Int32
}

/// A value that a step computes, in terms of the values at its beginning and of its input.
struct Term: Hashable {
  enum Operation: Hashable {
    /// A value at the beginning of the step, or of its input.
    case symbol(Int)
    case constant(Value)
    case arithmetic(Arithmetic)
    case negate
    /// The larger and the smaller of two numbers.
    case greatest, least
    /// A conversion to `double` of an `int` or `uint`.
    case asDouble
    case equal
    case less
    case lessOrEqual
    case contained
    /// The size of a list or a map.
    case size
    /// Two lists, one after the other.
    case joined
    /// A list of its arguments.
    case list
    /// A part of a structured value that is not known part by part.
    case part(Int)
    /// An expression whose meaning is not followed; equal arguments give equal values.
    case opaque(NodeIndex)
  }

  var operation: Operation
  var kind: ValueKind
  var arguments: [TermIndex]
}

/// Terms by number: equal terms have equal indices, so that an expression that is evaluated twice is known to have one
/// value.
struct TermPool {
  private(set) var terms: [Term] = []
  private var indices: [Term: TermIndex] = [:]

  subscript(_ index: TermIndex) -> Term { terms[Int(index.rawValue)] }

  mutating func index(of term: Term) -> TermIndex {
    if let known = indices[term] { return known }
    let index = TermIndex(rawValue: Int32(terms.count))
    terms.append(term)
    indices[term] = index
    return index
  }

  mutating func constant(_ value: Value, kind: ValueKind) -> TermIndex {
    index(of: Term(operation: .constant(value), kind: kind, arguments: []))
  }

  mutating func symbol(_ number: Int, kind: ValueKind) -> TermIndex {
    index(of: Term(operation: .symbol(number), kind: kind, arguments: []))
  }
}

/// A structured value as terms.
indirect enum TermOperand {
  case scalar(TermIndex)
  /// A record, by its type and its fields in the order of the declaration.
  case record(String, [TermOperand])
  case optional(presence: TermIndex, TermOperand)

  /// The terms in the order of ``Shape/leaves``.
  var leaves: [TermIndex] {
    switch self {
    case .scalar(let term): [term]
    case .record(_, let fields): fields.flatMap(\.leaves)
    case .optional(let presence, let content): [presence] + content.leaves
    }
  }
}

/// The scalar parts of a type.
indirect enum Shape: Hashable {
  case scalar(ValueType)
  case record(String, [Shape])
  case optional(Shape)

  /// The deepest nesting of records that is followed part by part.
  static let maximumDepth = 4

  init(_ type: ValueType, types: TypeRegistry, depth: Int = 0) {
    switch type {
    case .record(let name) where depth < Shape.maximumDepth:
      guard let record = types.record(named: name), record.fields.allSatisfy({ $0.presence == .always }) else {
        self = .scalar(.dyn)
        return
      }
      self = .record(name, record.fields.map { Shape($0.type, types: types, depth: depth + 1) })
    case .optional(let wrapped) where depth < Shape.maximumDepth:
      self = .optional(Shape(wrapped, types: types, depth: depth + 1))
    default: self = .scalar(type)
    }
  }

  /// The largest size of each scalar part, as far as a field of a record bounds it.
  /// - Parameter whole: The bound of the value itself.
  func maxima(types: TypeRegistry, whole: Int?) -> [Int?] {
    switch self {
    case .scalar: [whole]
    case .record(let name, let fields):
      zip(types.record(named: name)?.fields ?? [], fields).flatMap { $1.maxima(types: types, whole: $0.maximum) }
    case .optional(let content): [nil] + content.maxima(types: types, whole: whole)
    }
  }

  /// The types of the scalar parts, in order; the presence of an optional is a `bool` before its content.
  var leaves: [ValueType] {
    switch self {
    case .scalar(let type): [type]
    case .record(_, let fields): fields.flatMap(\.leaves)
    case .optional(let content): [.bool] + content.leaves
    }
  }

  /// The operand whose parts are the terms from a position on.
  func operand(_ terms: ArraySlice<TermIndex>, at position: inout Int) -> TermOperand {
    switch self {
    case .scalar:
      defer { position += 1 }
      return .scalar(terms[position])
    case .record(let name, let fields): return .record(name, fields.map { $0.operand(terms, at: &position) })
    case .optional(let content):
      let presence = terms[position]
      position += 1
      return .optional(presence: presence, content.operand(terms, at: &position))
    }
  }
}
