import FlowJSON
import FlowMachine
import FlowRuntime

/// The API as an HTML page by resource, generated from the table of routes. It loads no other resources; the forms that
/// send requests are part of the dashboard.
struct DocumentationPage {
  let routes: [Route]
  let catalogue: Catalogue
  /// True if the server has the dashboard.
  var hasDashboard = false

  private var openAPI: OpenAPI { OpenAPI(routes: routes, catalogue: catalogue) }

  var html: String {
    let examples = openAPI.examples
    var out = DocumentationPage.head("The API of Flow")
    out += "<header><h1>The API</h1><p class=\"muted\">Serves \(flows). The same for programs: "
    out += "<a href=\"openapi.json\">OpenAPI</a>, <a href=\"asyncapi.json\">AsyncAPI</a>."
    out += (hasDashboard ? " The same with forms: <a href=\"ui/#/api\">dashboard</a>." : "") + "</p></header>\n"
    out += "<nav aria-label=\"Resources\"><ul>"
    for resource in Resource.allCases {
      out += "<li><a href=\"#\(resource.identifier)\">\(resource.rawValue)</a></li>"
    }
    out += "<li><a href=\"#problems\">Problems</a></li></ul></nav>\n<main>"
    for resource in Resource.allCases {
      out += "<h2 id=\"\(resource.identifier)\">\(resource.rawValue)</h2>\n"
      out += routes.filter { $0.resource == resource }.map { section($0, examples) }.joined()
    }
    out += "<h2 id=\"problems\">Problems</h2>\n<article><table><tr><th>Status</th><th>Code</th><th>Meaning</th></tr>"
    out += ProblemKind.all.map(row).joined() + "</table></article>\n"
    return out + "</main></body></html>\n"
  }

  private var flows: String { catalogue.names.map { "<code>\($0.escaped)</code>" }.joined(separator: ", ") }

  /// The page of one problem.
  static func page(_ kind: ProblemKind) -> String {
    head(kind.title, isSingle: true)
      + "<main><h1>\(kind.title.escaped)</h1><article><p><code>\(kind.code)</code>, status \(kind.status)</p>"
      + "<p>\(kind.text.marked)</p></article>"
      + "<p><a href=\"../docs#problems\">All problems</a></p></main></body></html>\n"
  }

  private static func head(_ title: String, isSingle: Bool = false) -> String {
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
      + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>\(title.escaped)</title>"
      + "<style>\(DocumentationStyle.text)</style></head><body\(isSingle ? " class=\"single\"" : "")>\n"
  }

  // MARK: - Routes

  private func section(_ route: Route, _ examples: SchemaExample) -> String {
    let document = route.document
    let attempt =
      hasDashboard
      ? " · <a href=\"ui/#/api/\(route.operationID)\" aria-label=\"Try \(route.summary.escaped)\">try it</a>" : ""
    var out =
      "<article id=\"\(route.operationID)\"><div class=\"line\"><h3><span class=\"method\">\(route.method)</span>"
    out += "<code>\(route.template.escaped)</code></h3>"
    out += "<span class=\"scope\">scope \(route.scope.rawValue)\(attempt)</span></div>\n"
    out += "<p>\(route.summary.marked).</p>\n"
    if !document.parameters.isEmpty {
      out += "<table><tr><th>Parameter</th><th>In</th><th>Meaning</th></tr>"
      for parameter in document.parameters {
        out += "<tr><td><code>\(parameter.name)</code></td><td>\(parameter.location)</td>"
        out += "<td>\(parameter.summary.marked)</td></tr>"
      }
      out += "</table>\n"
    }
    out += "<pre tabindex=\"0\">\(command(route, examples).escaped)</pre>\n"
    return out + details(route) + "</article>\n"
  }

  /// A request with names and data of the served flows, as a line for the shell.
  private func command(_ route: Route, _ examples: SchemaExample) -> String {
    var path = route.template
    let entry = catalogue.entries.first
    let event = catalogue.publicEvents.first
    for (name, value) in [("flow", entry?.name), ("event", event), ("key", "o1"), ("id", "1"), ("start", "0")] {
      path = path.replacing("{\(name)}", with: value ?? "{\(name)}")
    }
    var line = "curl" + (route.method == "GET" || route.document.body.first != nil ? "" : " -X \(route.method)")
    line += " http://localhost:8080\(path)"
    guard let body = route.document.body.first else { return line }
    if route.method != "POST" { line += " -X \(route.method)" }
    guard body.type == "application/json" else {
      return line + " -H 'Content-Type: \(body.type)' --data-binary @FILE"
    }
    return line + (examples.value(body.schema).map { " \\\n  --json '\($0.text())'" } ?? " --json @FILE")
  }

  /// Schemas and problems, which few readers need at first.
  private func details(_ route: Route) -> String {
    let document = route.document
    var out = "<details><summary>Schemas and problems</summary>"
    for body in document.body where body.schema != .object([]) {
      out += "<p>Body <code>\(body.type)</code></p>" + schema(body.schema)
    }
    for answer in document.answers {
      out += "<p>\(answer.status) \(answer.summary.marked)</p>"
      for content in answer.contents { out += "<p><code>\(content.type)</code></p>" + schema(content.schema) }
    }
    let problems = route.problems.map { "<a href=\"problems/\($0.code)\">\($0.status) \($0.code)</a>" }
    return out + "<p>\(problems.joined(separator: ", "))</p></details>"
  }

  private func schema(_ schema: JSON) -> String {
    schema == .object([]) ? "" : "<pre tabindex=\"0\">\(schema.text(.indented).escaped)</pre>\n"
  }

  private func row(_ kind: ProblemKind) -> String {
    "<tr><td>\(kind.status)</td><td><a href=\"problems/\(kind.code)\">\(kind.code)</a></td>"
      + "<td>\(kind.text.marked)</td></tr>\n"
  }
}

extension String {
  /// As text of an HTML page, or as the value of an attribute.
  var escaped: String {
    replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing(
      "\"", with: "&quot;")
  }

  /// As text of an HTML page, with the parts in backticks as code.
  var marked: String {
    split(separator: "`", omittingEmptySubsequences: false).enumerated().map { index, part in
      index % 2 == 0 ? String(part).escaped : "<code>\(String(part).escaped)</code>"
    }.joined()
  }
}
