import FlowJSON
import FlowServer
import Glibc

/// The file with the hashes of keys, which nobody but its owner may read.
enum KeyFile {
  static func load(_ path: String) throws(KeyFileError) -> KeyRing {
    let text = try contents(path)
    guard let json = Configuration.json(text, path) else { throw KeyFileError(message: "`\(path)` can't be used") }
    do throws(KeyFileError) {
      return try KeyRing(json) { name throws(KeyFileError) in
        let file = name.hasPrefix("/") ? name : folder(of: path) + "/" + name
        // A set with a shared secret in it is a secret itself.
        return try contents(file)
      }
    } catch {
      throw KeyFileError(message: "\(path): \(error.message)")
    }
  }

  private static func contents(_ path: String) throws(KeyFileError) -> [UInt8] {
    var status = stat()
    guard stat(path, &status) == 0, let text = readFile(path) else {
      throw KeyFileError(message: "cannot read `\(path)`")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw KeyFileError(message: "others can read `\(path)`: say `chmod 600 \(path)`")
    }
    return text
  }

  /// Writes a table behind what is in the file, which is made for its owner alone.
  static func append(_ table: String, to path: String) -> Bool {
    let file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { return false }
    defer { close(file) }
    let bytes = Array(table.utf8)
    return bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) } == bytes.count && fsync(file) == 0
  }
}
