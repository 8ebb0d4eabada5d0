import CEL
import FlowDiagram
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime

/// A flow in the format of the API.
struct FlowView {
  let entry: Catalogue.Entry
  /// The next runs of its scheduled starts.
  var schedules: [ScheduleRow] = []

  var program: Program { entry.machine.program }
  var flow: Flow { program.flows[entry.flow] }

  private var header: [JSON.Member] {
    [
      .init("name", .string(flow.name)), .init("version", .int(Int64(flow.version))),
      .init("definition", .string(entry.hash)), .init("origin", .string(entry.origin)),
      .init("deployedAt", .string(timeText(entry.deployedAt))), .init("retired", .bool(entry.isRetired)),
    ]
  }

  /// The flow in a list.
  var summary: JSON {
    .object(
      header + [
        .init("states", .array(flow.states.dropFirst().map { .string($0.path) })),
        .init("startsOn", .array(flow.starts.compactMap(\.event).map { .string(program.events[$0].name) })),
      ])
  }

  /// All properties of the flow.
  var json: JSON {
    .object(
      header + [
        .init("key", flow.key.map { .string(flow.fields[$0].name) } ?? .null),
        .init("roles", .array(program.roles.map { .string($0) })),
        .init("states", .array(flow.states.indices.dropFirst().map(state))), .init("events", .array(events)),
        .init("data", schema(of: flow.ownFields)), .init("stateData", stateDataSchema),
        .init("starts", .array(flow.starts.indices.map(start))),
        .init("transitions", .array(flow.transitions.indices.map(transition))), .init("calls", .array(calls)),
      ])
  }

  private func state(_ index: StateIndex) -> JSON {
    let state = flow.states[index]
    return [
      "path": .string(state.path), "kind": .string(state.kind.rawValue),
      "initial": .bool(flow.states[state.parent].initial == index),
      "calls": .array(state.calls.map { .string(flow.calls[$0].name) }),
      "on": .array(state.transitions.map { .string(label($0)) }),
    ]
  }

  /// The events that the flow reacts to, with their data.
  private var events: [JSON] {
    program.events.indices.filter {
      entry.machine.handles(event: $0, flow: entry.flow) && !entry.machine.isInternal(event: $0)
    }.map { event in
      [
        "name": .string(program.events[event].name),
        "starts": .bool(entry.machine.starts(flow: entry.flow, on: event)),
        "schema": entry.machine.payloadSchema(of: event),
        "webhook": webhook(program.events[event]), "queue": queue(program.events[event]),
      ]
    }
  }

  /// The queue whose messages are an event; null for an event without a queue.
  private func queue(_ event: Event) -> JSON {
    guard let queue = event.queue else { return .null }
    return ["broker": .string(queue.broker.rawValue), "name": .string(queue.name)]
  }

  /// The signature scheme of an event's deliveries; null for an event without a webhook.
  private func webhook(_ event: Event) -> JSON {
    guard let webhook = event.webhook else { return .null }
    return ["header": .string(webhook.header), "algorithm": .string(webhook.algorithm)]
  }

  private var writer: TypeSchema { TypeSchema(types: entry.machine.types) { "#/$defs/\($0)" } }

  private func schema(of fields: some Sequence<DataField>) -> JSON {
    [
      "type": "object", "properties": .object(properties(of: fields)),
      "$defs": .object(writer.declarations(of: program)),
    ]
  }

  private func properties(of fields: some Sequence<DataField>) -> [JSON.Member] {
    fields.map { JSON.Member($0.plainName, writer.schema($0.type, maximum: $0.maximum)) }
  }

  /// The fields of states, by the paths of the states.
  private var stateDataSchema: JSON {
    let states = flow.states.indexed.compactMap { index, state -> JSON.Member? in
      let fields = flow.fields(of: index).map { flow.fields[$0] }
      guard !fields.isEmpty else { return nil }
      return .init(state.path, ["type": "object", "properties": .object(properties(of: fields))])
    }
    return [
      "type": "object", "properties": .object(states), "$defs": .object(writer.declarations(of: program)),
    ]
  }

  private func start(_ index: Int) -> JSON {
    let start = flow.starts[index]
    return .object(
      [
        .init("label", .string(startLabel(program, flow: entry.flow, start: index))),
        .init("to", .string(flow.states[start.target].path)), .init("at", .string("\(start.location)")),
        .init("guard", start.guardExpression.map { .string($0.text) } ?? .null),
      ] + trigger(ofStart: index))
  }

  private func transition(_ index: Int) -> JSON {
    let transition = flow.transitions[index]
    return .object(
      [
        .init("from", .string(flow.states[transition.source].path)),
        .init("to", transition.target.map { .string(flow.states[$0].path) } ?? .null),
        .init("label", .string(label(index))),
        .init("guard", transition.guardExpression.map { .string($0.text) } ?? .null),
        .init("at", .string("\(transition.location)")),
      ] + trigger(of: transition))
  }

  private func label(_ transition: Int) -> String {
    transitionLabel(program, flow: entry.flow, transition: transition)
  }
}
