/// The label of a box, in Graphviz's HTML-like language: a title, lines of text, and rows with ids.
struct DotLabel {
  /// A transition that stays in the box.
  struct Row {
    var id: String
    var text: String
    /// The text before it was shortened.
    var whole: String
  }

  var title: String
  /// Each line with its text before it was shortened.
  var lines: [(text: String, whole: String)]
  var rows: [Row]

  /// The value of the attribute `label`.
  var text: String {
    let cells =
      ["<TD>\(lines.isEmpty && rows.isEmpty ? title.entities : "<B>\(title.entities)</B>")</TD>"]
      + lines.map { "<TD ALIGN=\"LEFT\"\(tooltip($0.text, $0.whole))>\($0.text.entities)</TD>" }
      // Graphviz writes the id and the tooltip of a cell only for a link.
      + rows.map {
        "<TD ALIGN=\"LEFT\" ID=\"\($0.id)\" HREF=\"#\($0.id)\" TOOLTIP=\"\($0.whole.entities)\">"
          + "\($0.text.entities)</TD>"
      }
    let table = cells.map { "<TR>\($0)</TR>" }.joined()
    return "<<TABLE BORDER=\"0\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"2\">\(table)</TABLE>>"
  }

  private func tooltip(_ text: String, _ whole: String) -> String {
    text == whole ? "" : " HREF=\"#\" TOOLTIP=\"\(whole.entities)\""
  }
}

extension String {
  /// The text in an HTML-like label or an attribute of one.
  fileprivate var entities: String {
    replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}
