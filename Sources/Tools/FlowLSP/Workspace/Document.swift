import FlowJSON
import FlowSource

/// An open document.
struct Document {
  var uri: String
  var path: String
  var version: Int
  var text: [UInt8]

  /// Applies the changes of a notification, in their order.
  mutating func apply(_ changes: [JSON], encoding: PositionEncoding) {
    for change in changes {
      guard let new = change["text"]?.string else { continue }
      guard let range = change["range"] else {
        text = Array(new.utf8)
        continue
      }
      let positions = Positions(source: SourceFile(name: path, text: text), encoding: encoding)
      guard let replaced = positions.range(range) else { continue }
      text.replaceSubrange(Int(replaced.lower)..<Int(replaced.upper), with: Array(new.utf8))
    }
  }
}
