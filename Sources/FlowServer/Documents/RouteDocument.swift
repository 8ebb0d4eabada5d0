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
    if !document.body.isEmpty {
      codes += ["invalid-json", "unsupported-media-type", "payload-too-large", "overloaded"]
    }
    if parameters.contains("flow") { codes.append("not-found") }
    let wanted = Set(codes)
    return ProblemKind.all.filter { wanted.contains($0.code) }
  }
}
