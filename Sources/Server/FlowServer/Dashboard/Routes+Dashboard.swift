import FlowJSON

// The page and its session.
extension Route {
  /// The template of a browser's session.
  static let session = "/v1/session"

  static let dashboard = [
    Route(
      "GET", "/", .open, summary: "The addresses of the dashboard and of the documentation",
      handler: FlowService.showRoot
    )
    .giving(200, "The addresses", Schemas.anyObject).giving(303, "The dashboard, for a browser"),
    Route("GET", "/ui", .open, summary: "The same, without the slash of the dashboard", handler: FlowService.showRoot)
      .giving(200, "The addresses", Schemas.anyObject).giving(303, "The dashboard, for a browser"),
    Route("GET", "/ui/", .open, summary: "The dashboard: a page for browsers", handler: FlowService.showDashboard)
      .giving(200, "The page", Schemas.string, as: "text/html").giving(304, "The page has not changed")
      .giving(501, "The server was built without it", Schemas.string, as: "text/html").refusing("not-found"),
    Route(
      "GET", "/ui/{version}/{file}", .open, summary: "A file of the dashboard", handler: FlowService.showDashboardFile
    )
    .giving(200, "The file", Schemas.string, as: "text/javascript").refusing("not-found"),
    Route(
      "GET", "/ui/{version}/{folder}/{file}", .open, summary: "A file of the dashboard",
      handler: FlowService.showDashboardFile
    )
    .giving(200, "The file", Schemas.string, as: "text/javascript").refusing("not-found"),
  ]

  static let caller = [
    Route("GET", "/v1/me", .open, summary: "The caller: its name, scopes and roles", handler: FlowService.showCaller)
      .giving(200, "The caller", Schemas.reference("Caller")).refusing("unauthenticated"),
    Route(
      "POST", session, .open, summary: "Signs a browser in: the key is kept in a cookie that scripts can't read",
      handler: FlowService.openSession
    )
    .sending(Schemas.object(["key": ["type": "string", "pattern": #"^[!#-+\--:<-\[\]-~]{1,4096}$"#]])).giving(
      204, "The browser is signed in"
    )
    .refusing("unauthenticated"),
    Route("DELETE", session, .open, summary: "Signs a browser out", handler: FlowService.closeSession)
      .giving(204, "The browser is signed out"),
  ]
}
