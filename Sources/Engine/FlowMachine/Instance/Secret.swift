/// An environment variable that a binding reads. Its value must not appear in output.
public struct Secret: Hashable, Sendable {
  /// The minimum length of redacted values. A shorter value is hardly secret, and occurs in unrelated text.
  public static let shortestHidden = 6

  public var name: String
  public var value: String

  public init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}

extension [Secret] {
  /// The text with each occurrence of a value, as it is or in an encoding of a binding, replaced by `env("NAME")`.
  public func hide(in text: String) -> String {
    var bytes = Array<UInt8>(text.utf8)
    var isChanged = false
    // A longer value may contain a shorter one.
    for secret in sorted(by: { $0.value.utf8.count > $1.value.utf8.count })
    where secret.value.utf8.count >= Secret.shortestHidden {
      for form in secret.forms { isChanged = replace(form, by: "env(\"\(secret.name)\")", in: &bytes) || isChanged }
    }
    return isChanged ? String(decoding: bytes, as: UTF8.self) : text
  }

  private func replace(_ value: [UInt8], by name: String, in bytes: inout [UInt8]) -> Bool {
    var out: [UInt8] = []
    var position = 0
    var isFound = false
    while position < bytes.count {
      if bytes[position...].starts(with: value) {
        out += name.utf8
        position += value.count
        isFound = true
      } else {
        out.append(bytes[position])
        position += 1
      }
    }
    if isFound { bytes = out }
    return isFound
  }
}
