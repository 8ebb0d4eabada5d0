import CEL
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime

/// The API as OpenAPI 3.1, generated from the table of routes and the served flows.
struct OpenAPI {
  let routes: [Route]
  let catalogue: Catalogue
  /// True if requests need a key.
  var hasKeys = false

  var json: JSON {
    var components: [JSON.Member] = [.init("schemas", .object(schemas))]
    if hasKeys { components.append(.init("securitySchemes", ["key": OpenAPI.key])) }
    let tags = Resource.allCases.map { JSON.object([.init("name", .string($0.rawValue))]) }
    return [
      "openapi": "3.1.0",
      "info": [
        "title": "Flow", "version": "1",
        "description": .string(
          "Serves \(catalogue.names.joined(separator: ", ")). After a 2xx response to an event its step is on the disk."
        ),
      ],
      "tags": .array(tags), "paths": .object(paths), "components": .object(components),
    ]
  }

  private static let key: JSON = [
    "type": "http", "scheme": "bearer",
    "description": "A key made by `flow key new`, or a JSON Web Token; the roles of an operation are its scope.",
  ]

  // MARK: - Paths

  private var paths: [JSON.Member] {
    let examples = examples
    var templates: [String] = []
    for route in routes where !templates.contains(route.template) { templates.append(route.template) }
    return templates.map { template in
      .init(
        template,
        .object(
          routes.filter { $0.template == template }.map { .init($0.method.lowercased(), operation($0, examples)) }))
    }
  }

  private func operation(_ route: Route, _ examples: SchemaExample) -> JSON {
    var members: [JSON.Member] = [
      .init("summary", .string(route.summary)), .init("operationId", .string(route.operationID)),
      .init("tags", .array([.string(route.resource.rawValue)])), .init("x-scope", .string(route.scope.rawValue)),
      .init(
        "parameters", .array(route.parameters.map(pathParameter) + route.document.parameters.map(parameter))),
    ]
    if hasKeys {
      let scopes: JSON = [["key": [.string(route.scope.rawValue)]]]
      members.append(.init("security", route.scope == .open ? [] : scopes))
    }
    if !route.document.body.isEmpty {
      let content = contents(route.document.body, with: examples)
      members.append(.init("requestBody", ["required": true, "content": content]))
    }
    members.append(.init("responses", .object(responses(route))))
    return .object(members)
  }

  private func pathParameter(_ name: String) -> JSON {
    let schema: JSON =
      switch name {
      case "flow": names(catalogue.entries.map(\.name))
      case "event": names(catalogue.publicEvents)
      case "key": ["type": "string", "minLength": 1, "maxLength": 512]
      case "id", "start": ["type": "integer", "minimum": 0]
      default: ["type": "string", "minLength": 1]
      }
    return ["name": .string(name), "in": "path", "required": true, "schema": schema]
  }

  private func parameter(_ parameter: RouteDocument.Parameter) -> JSON {
    [
      "name": .string(parameter.name), "in": .string(parameter.location), "description": .string(parameter.summary),
      parameter.isJSON ? "content" : "schema": parameter.isJSON
        ? ["application/json": ["schema": parameter.schema]] : schema(of: parameter),
    ]
  }

  /// The schema of a parameter, with the served names.
  private func schema(of parameter: RouteDocument.Parameter) -> JSON {
    switch parameter.names {
    case .flows?: names(catalogue.entries.map(\.name))
    case .events?: names(catalogue.publicEvents)
    case nil: parameter.schema
    }
  }

  private func names(_ names: [String]) -> JSON { ["type": "string", "enum": .array(names.map { .string($0) })] }

  /// Values for the bodies of requests, made from the served flows.
  var examples: SchemaExample { SchemaExample(schemas: schemas) }

  private func contents(_ contents: [RouteDocument.Content], with examples: SchemaExample? = nil) -> JSON {
    var types: [String] = []
    for content in contents where !types.contains(content.type) { types.append(content.type) }
    return .object(
      types.map { type in
        let schemas = contents.filter { $0.type == type }.map(\.schema)
        var members = [JSON.Member("schema", schemas.count == 1 ? schemas[0] : ["anyOf": .array(schemas)])]
        if type.hasSuffix("json"), schemas[0] != Schemas.anyObject, let example = examples?.value(schemas[0]) {
          members.append(.init("example", example))
        }
        return .init(type, .object(members))
      })
  }

  private func responses(_ route: Route) -> [JSON.Member] {
    var members = route.document.answers.map { answer -> JSON.Member in
      var response: [JSON.Member] = [.init("description", .string(answer.summary))]
      if !answer.contents.isEmpty { response.append(.init("content", contents(answer.contents))) }
      if !route.document.links.isEmpty, [200, 201, 202].contains(answer.status) {
        response.append(.init("links", .object(route.document.links.map(link))))
      }
      return .init(String(answer.status), .object(response))
    }
    for (status, summary) in OpenAPI.ofEveryRequest { members.append(.init(String(status), problem(summary))) }
    let statuses = Set(route.problems.map(\.status)).sorted()
    for status in statuses {
      let kinds = route.problems.filter { $0.status == status }
      members.append(
        .init(String(status), problem(kinds.map { "`\($0.code)`: \($0.text)" }.joined(separator: "\n\n"))))
    }
    return members
  }

  private func link(_ link: RouteDocument.Link) -> JSON.Member {
    let parameters = link.parameters.map { JSON.Member($0.name, .string($0.location)) }
    let target = Route.operationID(link.target.method, link.target.template)
    return .init(link.name, ["operationId": .string(target), "parameters": .object(parameters)])
  }

  /// Responses before a request reaches its route.
  private static let ofEveryRequest = [
    (408, "The request took too long."), (431, "The head of the request is too large."),
  ]

  private func problem(_ summary: String) -> JSON {
    [
      "description": .string(summary),
      "content": ["application/problem+json": ["schema": Schemas.reference("Problem")]],
    ]
  }

  // MARK: - Schemas

  private var schemas: [JSON.Member] {
    var members = Schemas.all.map { JSON.Member($0.name, $0.schema) }
    members.append(.init("Event", ["oneOf": .array(catalogue.publicEvents.map(form))]))
    members.append(.init("RoutedEvent", ["oneOf": .array(routed.map(form))]))
    members.append(.init("CloudEvent", ["oneOf": .array(catalogue.publicEvents.map(cloudEvent))]))
    for machine in catalogue.machines {
      for more in OpenAPI.declarations(of: machine) { OpenAPI.add(more, to: &members) }
    }
    return members
  }

  /// Adds a schema. Programs may declare the same name in different ways: then either form is valid.
  private static func add(_ more: JSON.Member, to members: inout [JSON.Member]) {
    guard let index = members.firstIndex(where: { $0.name == more.name }) else { return members.append(more) }
    let forms = members[index].value["anyOf"]?.array ?? [members[index].value]
    if !forms.contains(more.value) { members[index].value = ["anyOf": .array(forms + [more.value])] }
  }

  /// The types and events of a program, under unique names.
  static func declarations(of machine: Machine) -> [JSON.Member] {
    let writer = TypeSchema(types: machine.types) { "#/components/schemas/Type.\($0)" }
    let types = writer.declarations(of: machine.program).map { JSON.Member("Type." + $0.name, $0.value) }
    let sendable = machine.program.events.indices.filter { !machine.isInternal(event: $0) }
    let events = sendable.map { index in
      let payload = machine.program.events[index].payload
      return JSON.Member(
        "Event." + machine.program.events[index].name, writer.schema(payload, keys: machine.keyNames(of: index)))
    }
    return types + events
  }

  /// The events that reach an instance without an address.
  private var routed: [String] {
    catalogue.publicEvents.filter { name in catalogue.entries.contains { $0.isReached(by: name) } }
  }

  /// An event in Flow's own form.
  private func form(_ name: String) -> JSON {
    [
      "type": "object",
      "properties": [
        "event": ["const": .string(name)], "data": Schemas.reference("Event.\(name)"),
        "key": ["type": "string", "minLength": 1, "maxLength": 255],
      ], "required": .array(needsData(name) ? ["event", "data"] : ["event"]), "additionalProperties": false,
    ]
  }

  /// An event as a CloudEvent.
  private func cloudEvent(_ name: String) -> JSON {
    let text: JSON = ["type": "string", "minLength": 1]
    return [
      "type": "object",
      "properties": [
        "specversion": ["const": "1.0"], "id": text, "source": text, "type": ["const": .string(name)],
        "subject": Schemas.nullable(Schemas.string), "time": Schemas.nullable(Schemas.time),
        "data": Schemas.reference("Event.\(name)"),
      ], "required": ["specversion", "id", "source", "type"],
    ]
  }

  /// Returns true if an event has required data.
  private func needsData(_ name: String) -> Bool {
    catalogue.machines.contains { machine in
      machine.event(named: name).map { machine.program.events[$0].payload.fields.contains(where: \.isRequired) }
        ?? false
    }
  }
}

extension Route {
  /// `getV1FlowsFlowInstances`
  var operationID: String { Route.operationID(method, template) }

  static func operationID(_ method: String, _ template: String) -> String {
    let words = template.split(whereSeparator: { !$0.isLetter && !$0.isNumber })
    return method.lowercased() + words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }
}
