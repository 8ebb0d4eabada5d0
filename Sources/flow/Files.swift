import FlowSource
import Glibc

/// The `.flow` files that a path names: itself, or all below it when it is a folder, in order of their names.
///
/// What begins with a dot is left out. Nil when the path can't be read.
func flowFiles(at path: String) -> [String]? {
  var status = stat()
  guard stat(path, &status) == 0 else { return nil }
  guard status.st_mode & S_IFMT == S_IFDIR else { return [path] }
  return flowFiles(below: path, depth: 0)
}

/// How deep folders are searched; a circle of links ends here.
private let maximumFolderDepth = 32

private func flowFiles(below folder: String, depth: Int) -> [String]? {
  guard depth < maximumFolderDepth, let names = entries(of: folder) else { return nil }
  var found: [String] = []
  for name in names.sorted() where !name.hasPrefix(".") {
    let path = folder.hasSuffix("/") ? folder + name : folder + "/" + name
    var status = stat()
    guard lstat(path, &status) == 0 else { continue }
    if status.st_mode & S_IFMT == S_IFDIR {
      guard let inner = flowFiles(below: path, depth: depth + 1) else { return nil }
      found += inner
    } else if name.hasSuffix(".flow") {
      found.append(path)
    }
  }
  return found
}

private func entries(of folder: String) -> [String]? {
  guard let directory = opendir(folder) else { return nil }
  defer { closedir(directory) }
  var names: [String] = []
  while let entry = readdir(directory) {
    let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    names.append(name)
  }
  return names
}

/// Puts new contents in the place of a file at once, so that nobody ever sees a half; its rights stay.
func replaceFile(_ path: String, _ contents: [UInt8]) -> Bool {
  guard let resolved = realpath(path, nil) else { return false }
  defer { free(resolved) }
  let target = String(cString: resolved)
  var status = stat()
  guard stat(target, &status) == 0 else { return false }
  let temporary = "\(target).\(getpid()).tmp"
  if writeFile(temporary, contents), chmod(temporary, status.st_mode & 0o7777) == 0, rename(temporary, target) == 0 {
    return true
  }
  unlink(temporary)
  return false
}

/// A file beside a path that does not exist, with nearly its name.
func neighbour(of path: String) -> String? {
  let slash = path.lastIndex(of: "/")
  let folder = slash.map { String(path[..<$0]) } ?? "."
  let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
  let names = (entries(of: folder.isEmpty ? "/" : folder) ?? []).filter { $0.hasSuffix(".flow") }
  return Suggestion.closest(to: name, among: names).first.map { slash == nil ? $0 : folder + "/" + $0 }
}
