/// Colours for a terminal, or none.
public struct TerminalStyle: Sendable {
  public enum Colour: String, Sendable {
    case red = "31"
    case green = "32"
    case yellow = "33"
    case blue = "34"
    case cyan = "36"
    case dim = "2"
    case bold = "1"
  }

  public let isColoured: Bool

  public static let plain = TerminalStyle(isColoured: false)
  public static let coloured = TerminalStyle(isColoured: true)

  private init(isColoured: Bool) { self.isColoured = isColoured }

  /// The text in a colour, when there are any.
  public func paint(_ text: String, _ colour: Colour) -> String {
    isColoured ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
  }
}
