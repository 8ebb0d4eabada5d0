import CEL
import FlowIR

/// Values that an abstract input stands for, as representatives of the sets of its parts.
struct InputSampler {
  /// The number of different inputs that are tried for one abstract step.
  static let maximumSamples = 32

  let types: TypeRegistry
  private var numbers: [Int128] = [0, 1, 2, -1, 10]
  private var doubles: [Double] = [0, 1, -1, 0.5, 100]
  private var texts: [String] = ["a", "b", ""]

  init(_ model: VerifiedFlow) {
    types = model.types
    for node in model.graph.nodes {
      if case .constant(let value) = node.operation { note(value) }
    }
    for node in model.graph.nodes {
      if case .opaque = node.operation { continue }
      if case .constant(.list(let values)) = node.operation { for value in values { note(value) } }
    }
  }

  private mutating func note(_ value: Value) {
    switch value {
    case .double(let number) where !number.isNaN:
      for near in [number, number.nextUp, number.nextDown] where !doubles.contains(near) { doubles.append(near) }
    case .string(let text): if !texts.contains(text) { texts.append(text) }
    case .timestamp, .list, .map: break
    default:
      guard let number = ValueSet.number(of: value) else { return }
      for near in [number, number + 1, number - 1] where !numbers.contains(near) { numbers.append(near) }
    }
  }

  /// Values of a type whose parts have given sets: plain ones first, then the bounds of each part, then mixtures.
  /// - Parameter fixed: The value of a field by name, such as the key of the instance.
  func values(of type: ValueType, _ sets: [ValueSet], fixed: [String: Value] = [:]) -> [Value] {
    let shape = Shape(type, types: types)
    let options = zip(shape.leaves, sets).map { leaf, set in representatives(of: leaf, set) }
    guard options.allSatisfy({ !$0.isEmpty }) else { return [] }
    var picks: [[Int]] = [Array(repeating: 0, count: options.count)]
    for (leaf, values) in options.enumerated() {
      for option in 1..<Swift.max(values.count, 1) {
        var pick = picks[0]
        pick[leaf] = option
        picks.append(pick)
      }
    }
    var state: UInt64 = 7
    for _ in 0..<8 {
      picks.append(
        options.map { values in
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          return Int(state >> 33) % values.count
        })
    }
    var found: [Value] = []
    var seen: Set<Value> = []
    for pick in picks where found.count < InputSampler.maximumSamples {
      var position = 0
      var value = assembled(type, in: shape, from: zip(options, pick).map { $0[$1] }, at: &position)
      if case .record(var record) = value, !fixed.isEmpty {
        for index in record.fields.indices {
          if let known = fixed[record.fields[index].name] { record.fields[index].value = known }
        }
        value = .record(record)
      }
      if seen.insert(value).inserted { found.append(value) }
    }
    return found
  }

  private func assembled(_ type: ValueType, in shape: Shape, from parts: [Value], at position: inout Int) -> Value {
    switch (shape, type) {
    case (.record(let name, let shapes), _):
      let fields = types.record(named: name)?.fields ?? []
      var given: [RecordValue.Field] = []
      for (field, shape) in zip(fields, shapes) {
        let value = assembled(field.type, in: shape, from: parts, at: &position)
        given.append(.init(field.name, value.truncated(to: field.maximum)))
      }
      return .record(RecordValue(typeName: name, fields: given))
    case (.optional(let content), .optional(let wrapped)):
      let isPresent = parts[position] == .bool(true)
      position += 1
      let value = assembled(wrapped, in: content, from: parts, at: &position)
      return .optional(isPresent ? value : nil)
    default:
      defer { position += 1 }
      return parts[position]
    }
  }

  // MARK: - Scalars

  /// Some values of a scalar type within a set, the plainest first.
  private func representatives(of type: ValueType, _ set: ValueSet) -> [Value] {
    switch type {
    case .string: return self.texts(in: set).map { .string($0) }
    case .double:
      guard case .doubles(let spans, _) = set else { return doubles.map { .double($0) } }
      let near = spans.flatMap { span in
        [span.low, span.low.nextUp, span.high.nextDown, span.high].filter { span.contains($0) && $0.isFinite }
      }
      return (doubles.filter { number in spans.contains { $0.contains(number) } } + near).prefix(12).map { .double($0) }
    case .list(let element): return sizes(in: set).map { size in .list(Array(elements(element).prefix(size))) }
    case .map(let key, let element): return sizes(in: set).map { map(key, element, size: $0) }
    case .bytes: return [.bytes([]), .bytes([1])]
    case .bool, .int, .uint, .timestamp, .duration, .enumeration:
      return self.numbers(in: set, type).compactMap { number($0, type) }
    default: return [.null]
    }
  }

  private func texts(in set: ValueSet) -> [String] {
    guard case .texts(let named, let isComplement) = set else { return Array(texts.prefix(8)) }
    if !isComplement { return named.sorted() }
    let other = texts.filter { !named.contains($0) }
    return Array((other.isEmpty ? ["other"] : other).prefix(8))
  }

  private func numbers(in set: ValueSet, _ type: ValueType) -> [Int128] {
    var known = numbers
    if type == .timestamp { known = [1_767_225_600_000_000_000, 1_767_225_600_000_000_000 + 3_600_000_000_000] }
    if type == .duration { known = [3_600_000_000_000, 1_000_000_000, 0] + numbers }
    guard case .whole(let ranges) = set else { return known }
    let inside = known.filter { number in ranges.contains { $0.contains(number) } }
    let bounds = ranges.flatMap { [$0.lowerBound, $0.upperBound] }
    var seen: Set<Int128> = []
    return (inside + bounds).filter { seen.insert($0).inserted }.prefix(16).map { $0 }
  }

  private func number(_ number: Int128, _ type: ValueType) -> Value? {
    switch type {
    case .bool: return .bool(number == 1)
    case .int: return Int64(exactly: number).map { .int($0) }
    case .uint: return UInt64(exactly: number).map { .uint($0) }
    case .duration: return Int64(exactly: number).map { .duration(Duration(nanoseconds: $0)) }
    case .enumeration(let name):
      guard let known = types.enumeration(named: name)?.values.first(where: { Int128($0.number) == number }) else {
        return nil
      }
      return .enumeration(type: name, number: known.number)
    case .timestamp:
      let (seconds, rest) = number.quotientAndRemainder(dividingBy: 1_000_000_000)
      guard rest >= 0, let whole = Int64(exactly: seconds) else { return nil }
      return Timestamp(checkingSeconds: whole, nanoseconds: UInt32(rest / 1_000_000 * 1_000_000)).map { .timestamp($0) }
    default: return nil
    }
  }

  // MARK: - Lists and maps

  private func sizes(in set: ValueSet) -> [Int] {
    guard case .whole(let ranges) = set else { return [0, 1, 2] }
    let small = [0, 1, 2, 3].filter { size in ranges.contains { $0.contains(Int128(size)) } }
    return small.isEmpty ? ranges.first.map { [Int(Swift.min($0.lowerBound, 200))] } ?? [] : small
  }

  private func elements(_ type: ValueType) -> [Value] {
    let shape = Shape(type, types: types)
    if case .scalar(.list) = shape { return [.list([]), .list([]), .list([])] }
    if case .scalar(.map) = shape { return Array(repeating: .map(MapValue([])), count: 3) }
    let values = values(of: type, shape.leaves.map { ValueKind($0).whole })
    guard let first = values.first else { return [] }
    return [first] + values.dropFirst() + Array(repeating: first, count: 200)
  }

  private func map(_ key: ValueType, _ element: ValueType, size: Int) -> Value {
    let keys = representatives(of: key, ValueKind(key).whole)
    return .map(MapValue(zip(keys, elements(element)).prefix(size).map { MapValue.Entry($0, $1) }))
  }
}
