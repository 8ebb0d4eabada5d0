import CEL
import FlowIR
import FlowMachine

// The keys of instances in the inputs of virtual runs.
extension Machine {
  /// The key among the arguments of a flow; nil for a flow without a key.
  func argumentKey(of flow: FlowIndex, _ arguments: Value) -> String? {
    let node = program.flows[flow]
    guard let field = node.key, case .record(let record) = arguments,
      case .string(let key)? = record[node.fields[field].name]
    else { return nil }
    return key
  }

  /// A payload for the instance with a key, if the event has the key field of the flow.
  func payload(_ payload: Value, of event: EventIndex, for key: String, flow: FlowIndex) -> Value {
    guard let field = keyField(of: event, flow: flow), case .record(let record) = payload else { return payload }
    var fields = record.fields
    fields[field].value = .string(key)
    return .record(RecordValue(typeName: record.typeName, fields: fields))
  }
}
