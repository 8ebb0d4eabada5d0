import FlowSource

/// What documentation says of a route beside its summary.
struct RouteDocument: Sendable {
  /// A parameter of the query, or a header.
  struct Parameter: Sendable {
    var name: String
    var place: String
    var summary: String
    var schema: JSON

    static func query(_ name: String, _ summary: String, _ schema: JSON = Schemas.string) -> Parameter {
      Parameter(name: name, place: "query", summary: summary, schema: schema)
    }

    static func header(_ name: String, _ summary: String, _ schema: JSON = Schemas.string) -> Parameter {
      Parameter(name: name, place: "header", summary: summary, schema: schema)
    }
  }

  /// A body in one media type.
  struct Content: Sendable {
    var type: String
    var schema: JSON
  }

  /// What can be asked next about what an answer names.
  struct Link: Sendable {
    var name: String
    /// The method and the template of the other route.
    var target: (method: String, template: String)
    /// Its parameters with the places of their values in the answer, as JSON Pointers.
    var parameters: [(name: String, pointer: String)]
  }

  struct Answer: Sendable {
    var status: Int
    var summary: String
    var contents: [Content]
  }

  var parameters: [Parameter] = []
  var body: [Content] = []
  var answers: [Answer] = []
  /// The codes of the problems that are its own.
  var problems: [String] = []
  /// What its good answers lead to.
  var links: [Link] = []
}

extension Route {
  /// Documents parameters.
  func asking(_ parameters: RouteDocument.Parameter...) -> Route { changed { $0.parameters += parameters } }

  /// Documents the body of a request.
  func sending(_ schema: JSON, as type: String = "application/json") -> Route {
    changed { $0.body.append(.init(type: type, schema: schema)) }
  }

  /// Documents an answer; the same status again adds another media type.
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

  /// Documents what a good answer leads to: parameters of another route with where the answer holds their values.
  func leading(_ name: String, _ method: String, _ template: String, _ parameters: (String, String)...) -> Route {
    changed {
      $0.links.append(
        .init(
          name: name, target: (method, template), parameters: parameters.map { (name: $0.0, pointer: $0.1) }))
    }
  }

  /// Documents that each answer, or the first item of a list, names an instance.
  func naming(_ prefix: String = "") -> Route {
    let names = [("flow", prefix + "/flow"), ("key", prefix + "/key")]
    let path = "/v1/flows/{flow}/instances/{key}"
    return leading("show", "GET", path, names[0], names[1])
      .leading("history", "GET", path + "/history", names[0], names[1])
      .leading("transitions", "GET", path + "/transitions", names[0], names[1])
      .leading("send", "POST", path + "/events", names[0], names[1])
      .leading("suspend", "POST", path + "/suspend", names[0], names[1])
      .leading("fork", "POST", path + "/fork", names[0], names[1])
      .leading("cancel", "POST", path + "/cancel", names[0], names[1])
  }

  /// Documents problems by their codes.
  func refusing(_ codes: String...) -> Route { changed { $0.problems += codes } }

  private func changed(_ change: (inout RouteDocument) -> Void) -> Route {
    var copy = self
    change(&copy.document)
    return copy
  }

  /// The codes of all problems that it can answer with.
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
