import CEL
import FlowJSON

/// The function that libFuzzer calls with each input: parses, checks and evaluates it as an expression, and evaluates
/// it again without the checker. No input may crash, hang or exceed the limits.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  let (expression, problems) = parse(text)
  guard problems.isEmpty else { return 0 }
  let environment = Subject.environment
  if let tree = environment.check(expression).expression { evaluate(tree) }
  evaluate(environment.resolve(expression))
  return 0
}

/// The package manager gives the program's entry this name; libFuzzer does the rest.
@_cdecl("CELFuzz_main")
public func main(
  _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> CInt {
  var count = count
  var arguments = arguments
  return runDriver(&count, &arguments, fuzzOne)
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ one: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

private func evaluate(_ tree: TypedExpression) {
  // A tree that is written and read again is the same program.
  guard let read = try? TypedExpression(json: tree.json),
    let program = try? ExpressionProgram(read, types: Subject.types)
  else {
    return
  }
  let evaluator = Evaluator(types: Subject.types, limits: Subject.limits)
  let frame = Frame(count: Subject.values.count)
  for (index, (_, type, value)) in Subject.values.enumerated() { frame[index] = evaluator.slot(value, as: type) }
  if let slot = try? evaluator.evaluate(program, frame: frame) { _ = evaluator.value(slot, as: read.type) }
  _ = evaluator.explain(program, frame: frame)
}

/// The names that the generated expressions can use.
private enum Subject {
  static let values: [(name: String, type: ValueType, value: Value)] = [
    ("i", .int, .int(7)), ("u", .uint, .uint(7)), ("d", .double, .double(2.5)),
    ("s", .string, .string("añ\u{1F431}z")),
    ("b", .bytes, .bytes([0, 255])), ("t", .timestamp, .timestamp(Timestamp(seconds: 1_700_000_000))),
    ("p", .duration, .duration(Duration(nanoseconds: 90_000_000_000))), ("l", .list(.int), .list([.int(3), .int(1)])),
    ("m", .map(.string, .dyn), .map(MapValue([.init(.string("k"), .list([.double(1)]))]))), ("x", .dyn, .string("y")),
    ("o", .optional(.int), .optional(.int(1))),
  ]

  static let types = TypeRegistry()

  static let environment: Environment = {
    var environment = Environment(types: types)
    for (index, (name, type, _)) in values.enumerated() { environment.declare(variable: name, type: type, slot: index) }
    return environment
  }()

  /// Small, so that an input that reaches them is quick.
  static let limits: Limits = {
    var limits = Limits.default
    limits.fuel = 20_000
    limits.memoryBytes = 1 << 20
    return limits
  }()
}
