import FlowJSON

/// The documentation of a route, in addition to its summary.
struct RouteDocument: Sendable {
  /// A parameter of the query, or a header.
  struct Parameter: Sendable {
    var name: String
    /// `query` or `header`.
    var location: String
    var summary: String
    var schema: JSON
    /// True if its text is JSON, which `schema` then describes.
    var isJSON = false
    /// The served names that are valid values; nil for other parameters.
    var names: Names?

    enum Names { case flows, events }

    static func query(_ name: String, _ summary: String, _ schema: JSON = Schemas.string) -> Parameter {
      Parameter(name: name, location: "query", summary: summary, schema: schema)
    }

    static func query(_ name: String, _ summary: String, oneOf names: Names) -> Parameter {
      Parameter(name: name, location: "query", summary: summary, schema: Schemas.string, names: names)
    }

    static func json(_ name: String, _ summary: String) -> Parameter {
      Parameter(name: name, location: "query", summary: summary, schema: Schemas.anyObject, isJSON: true)
    }

    static func header(_ name: String, _ summary: String, _ schema: JSON = Schemas.string) -> Parameter {
      Parameter(name: name, location: "header", summary: summary, schema: schema)
    }
  }

  /// A body in one media type.
  struct Content: Sendable {
    var type: String
    var schema: JSON
  }

  /// A subsequent request that uses values of a response.
  struct Link: Sendable {
    var name: String
    /// The method and the template of the other route.
    var target: (method: String, template: String)
    /// Its parameters with the locations of their values, as runtime expressions (OpenAPI 3.1, 4.8.20.4).
    var parameters: [(name: String, location: String)]
  }

  struct Answer: Sendable {
    var status: Int
    var summary: String
    var contents: [Content]
  }

  var parameters: [Parameter] = []
  var body: [Content] = []
  var answers: [Answer] = []
  /// The codes of its own problems.
  var problems: [String] = []
  /// The subsequent requests of its successful responses.
  var links: [Link] = []
}

extension Route {
  /// Documents parameters.
  func asking(_ parameters: RouteDocument.Parameter...) -> Route { changed { $0.parameters += parameters } }

  /// Documents the body of a request.
  func sending(_ schema: JSON, as type: String = "application/json") -> Route {
    changed { $0.body.append(.init(type: type, schema: schema)) }
  }

  /// Documents a response; the same status again adds another media type.
  func giving(_ status: Int, _ summary: String, _ schema: JSON? = nil, as type: String = "application/json") -> Route {
    changed { document in
      let contents = schema.map { [RouteDocument.Content(type: type, schema: $0)] } ?? []
      if let index = document.answers.firstIndex(where: { $0.status == status }) {
        document.answers[index].contents += contents
      } else {
        document.answers.append(.init(status: status, summary: summary, contents: contents))
      }
    }
  }

  /// Documents a subsequent request of a successful response: parameters of another route with the locations of their
  /// values in the response, as JSON Pointers. Parameters of the same name have the same value.
  func leading(
    _ name: String, to route: (method: String, template: String), _ pointers: (String, String)...
  ) -> Route {
    let target = Route.segments(of: route.template[...]).filter { $0.hasPrefix("{") }.map {
      String($0.dropFirst().dropLast())
    }
    let same = parameters.filter { own in target.contains(own) && !pointers.contains { $0.0 == own } }
    let locations =
      pointers.map { (name: $0.0, location: "$response.body#" + $0.1) }
      + same.map { (name: $0, location: "$request.path." + $0) }
    return changed { $0.links.append(.init(name: name, target: route, parameters: locations)) }
  }

  /// Documents that each response, or the first item of a list, identifies an instance.
  func naming(_ prefix: String = "") -> Route {
    let names = [("flow", prefix + "/flow"), ("key", prefix + "/key")]
    let path = "/v1/flows/{flow}/instances/{key}"
    var route = leading("show", to: ("GET", path), names[0], names[1])
    for name in ["history", "transitions", "graph"] {
      route = route.leading(name, to: ("GET", path + "/" + name), names[0], names[1])
    }
    for name in ["events", "suspend", "resume", "retry", "migrate", "fork", "cancel"] {
      route = route.leading(name, to: ("POST", path + "/" + name), names[0], names[1])
    }
    return route
  }

  /// Documents problems by their codes.
  func refusing(_ codes: String...) -> Route { changed { $0.problems += codes } }

  private func changed(_ change: (inout RouteDocument) -> Void) -> Route {
    var copy = self
    change(&copy.document)
    return copy
  }

  /// All problems that it can return.
  var problems: [ProblemKind] {
    var codes = ["bad-request"] + document.problems
    if scope != .open {
      codes += [
        "unauthenticated", "forbidden", "origin-not-allowed", "host-not-allowed", "rate-limited", "draining",
        "store-unavailable",
      ]
    }
    if isChanging { codes.append("read-only") }
    if !document.body.isEmpty {
      codes += ["invalid-json", "unsupported-media-type", "payload-too-large", "overloaded"]
    }
    if parameters.contains("flow") { codes.append("not-found") }
    let wanted = Set(codes)
    return ProblemKind.all.filter { wanted.contains($0.code) }
  }
}
