import FlowCrypto

/// The files of the web page, under names that change with their content.
///
/// The page itself is at `/ui/`; it refers to all other files below `/ui/VERSION/`, where clients may cache them
/// indefinitely.
public struct Dashboard: Sendable {
  /// The name of the module that `make setup` fetches.
  static let module = "preact.js"
  /// The part of an address in the page that is replaced by the version.
  private static let placeholder = "assets/"
  private static let digits = 16

  /// The first digits of a digest over all files.
  let version: String
  /// The page, with its references to this version.
  let index: [UInt8]
  private let files: [String: [UInt8]]

  /// - Parameter files: The contents by their path, such as `views/overview.js`.
  public init(files: [String: [UInt8]]) {
    self.files = files
    var all: [UInt8] = []
    for (name, content) in files.sorted(by: { $0.key < $1.key }) { all += Array(name.utf8) + [0] + content + [0] }
    version = String(Digest(of: all).hexadecimal.prefix(Dashboard.digits))
    let page = String(decoding: files["index.html"] ?? [], as: UTF8.self)
    index = Array(page.replacing("\"\(Dashboard.placeholder)", with: "\"\(version)/").utf8)
  }

  /// True if all files of the page are present.
  var isComplete: Bool { files[Dashboard.module] != nil && files["index.html"] != nil }

  /// A file of this version; nil for an unknown file.
  func file(_ name: String, version: String) -> [UInt8]? {
    version == self.version && name != "index.html" ? files[name] : nil
  }

  /// The media type of a file by its extension.
  static func type(of name: String) -> String {
    switch name.split(separator: ".").last {
    case "js": "text/javascript; charset=utf-8"
    case "css": "text/css; charset=utf-8"
    case "svg": "image/svg+xml"
    case "html": "text/html; charset=utf-8"
    default: "application/octet-stream"
    }
  }

  /// Only resources of the server itself are loaded; inline scripts are not executed.
  static let policy = """
    default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'
    """
}
