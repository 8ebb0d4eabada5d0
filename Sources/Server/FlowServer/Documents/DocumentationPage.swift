import FlowJSON
import FlowMachine
import FlowRuntime

/// The API as an HTML page, generated from the table of routes. It loads no other resources.
struct DocumentationPage {
  let routes: [Route]
  let catalogue: Catalogue

  static let style = """
    :root { color-scheme: light dark }
    body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
    code, pre { font: 14px/1.4 ui-monospace, monospace }
    code { overflow-wrap: anywhere }
    ul { padding-left: 1.2rem }
    section { overflow-x: auto }
    pre { overflow: auto; padding: .75rem; border: 1px solid #8886; border-radius: 6px }
    section { border-top: 1px solid #8886; margin-top: 1.5rem }
    td { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top }
    .scope { opacity: .7; font-size: .9rem }
    """

  var html: String {
    var out = DocumentationPage.head("Flow: the API")
    out +=
      "<h1>The API</h1><p>Serves \(catalogue.names.map { "<code>\($0.escaped)</code>" }.joined(separator: ", ")).\n"
    out +=
      "The same as documents: <a href=\"/openapi.json\">OpenAPI</a>, <a href=\"/asyncapi.json\">AsyncAPI</a>.</p>\n"
    out += "<ul>" + routes.map { "<li><a href=\"#\($0.operationID)\">\(title($0))</a></li>\n" }.joined() + "</ul>\n"
    out += routes.map(section).joined()
    out += "<h1>Problems</h1>\n<table>" + ProblemKind.all.map(row).joined() + "</table>\n"
    return out + "</body></html>\n"
  }

  /// The page of one problem.
  static func page(_ kind: ProblemKind) -> String {
    head(kind.title) + "<h1>\(kind.title.escaped)</h1><p><code>\(kind.code)</code>, status \(kind.status)</p>"
      + "<p>\(kind.text.escaped)</p></body></html>\n"
  }

  private static func head(_ title: String) -> String {
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
      + "<meta name=\"viewport\" content=\"width=device-width\"><title>\(title.escaped)</title>"
      + "<style>\(style)</style></head><body>\n"
  }

  private func title(_ route: Route) -> String { "<code>\(route.method) \(route.template.escaped)</code>" }

  private func section(_ route: Route) -> String {
    var out = "<section id=\"\(route.operationID)\"><h2>\(title(route))</h2>"
    out += "<p>\(route.summary.escaped). <span class=\"scope\">scope: \(route.scope.rawValue)</span></p>\n"
    let document = route.document
    if !document.parameters.isEmpty {
      out += "<table>"
      for parameter in document.parameters {
        out +=
          "<tr><td><code>\(parameter.name)</code></td><td>\(parameter.place)</td>"
          + "<td>\(parameter.summary.escaped)</td></tr>"
      }
      out += "</table>\n"
    }
    for body in document.body { out += "<p>sends <code>\(body.type)</code></p>" + schema(body.schema) }
    for answer in document.answers {
      out += "<p>\(answer.status) \(answer.summary.escaped)</p>"
      for content in answer.contents { out += "<p><code>\(content.type)</code></p>" + schema(content.schema) }
    }
    let problems = route.problems.map { "<a href=\"/problems/\($0.code)\">\($0.status) \($0.code)</a>" }
    return out + "<p>\(problems.joined(separator: ", "))</p></section>\n"
  }

  private func schema(_ schema: JSON) -> String {
    schema == .object([]) ? "" : "<pre>\(schema.text(.indented).escaped)</pre>\n"
  }

  private func row(_ kind: ProblemKind) -> String {
    "<tr><td>\(kind.status)</td><td><a href=\"/problems/\(kind.code)\">\(kind.code)</a></td>"
      + "<td>\(kind.text.escaped)</td></tr>\n"
  }
}

extension String {
  /// As text of an HTML page, or as the value of an attribute.
  var escaped: String {
    replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing(
      "\"", with: "&quot;")
  }
}
