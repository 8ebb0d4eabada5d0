import FlowJSON
import FlowServer
import Glibc

/// The file with the hashes of API keys, readable by its owner only.
enum KeyFile {
  /// The keys of a file.
  /// - Throws: `KeyFileError` when the file is invalid, or readable by others.
  static func load(_ path: String) throws(KeyFileError) -> KeyRing {
    let text = try contents(path)
    let json: JSON
    do throws(UsageError) {
      json = try Configuration.json(text, file: path)
    } catch {
      throw KeyFileError(message: error.message)
    }
    do throws(KeyFileError) {
      return try KeyRing(json) { name throws(KeyFileError) in
        let file = name.hasPrefix("/") ? name : folder(of: path) + "/" + name
        // A key set may contain a shared secret, so its mode is checked as well.
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
      throw KeyFileError(message: "`\(path)` is readable by other users: run `chmod 600 \(path)`")
    }
    return text
  }

  /// Appends a table to the file, which is created with mode 0600; false when it could not be written.
  static func append(_ table: String, to path: String) -> Bool {
    let file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { return false }
    defer { close(file) }
    let bytes = Array(table.utf8)
    return bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) } == bytes.count && fsync(file) == 0
  }
}
