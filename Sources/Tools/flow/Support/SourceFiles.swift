import FlowSource
import Glibc

/// The `.flow` files at a path: the file itself, or all files below a folder, sorted by name.
///
/// Names that begin with a dot are skipped. Nil when the path can't be read.
func flowFiles(at path: String) -> [String]? {
  var status = stat()
  guard stat(path, &status) == 0 else { return nil }
  return isFolder(path) ? flowFiles(below: path, depth: 0) : [path]
}

/// The files that the operands of a command name, each once; folders stand for all `.flow` files below them.
/// - Throws: `UsageError` when one can't be read, or a folder has no `.flow` file.
func namedFiles(_ operands: [String]) throws(UsageError) -> [String] {
  var found: [String] = []
  var seen: Set<String> = []
  for path in operands {
    let isInput = path == "-"
    guard let files = isInput ? [path] : flowFiles(at: path),
      isInput || !files.contains(where: { readSource($0) == nil })
    else {
      throw UsageError("cannot read `\(path)`", help: similarFile(to: path).map { "did you mean `\($0)`?" })
    }
    guard !files.isEmpty else { throw UsageError("there is no `.flow` file in `\(path)`") }
    // A file that is named directly keeps the given name.
    let names = files == [path] ? files : files.map(shortPath)
    found += names.filter { seen.insert(shortPath($0)).inserted }
  }
  return found
}

/// The depth to which folders are searched; it also ends a cycle of links.
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

/// The names in a folder, in no order; nil when it can't be read.
func entries(of folder: String) -> [String]? {
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

/// The folder at a path and all folders below it; for a file, the folder that contains it.
func foldersBelow(_ path: String) -> [String] {
  let files = flowFiles(at: path) ?? []
  return ["", "."].contains(path) || isFolder(path) ? folders(below: path, depth: 0) : files.map(folder)
}

private func folders(below folder: String, depth: Int) -> [String] {
  guard depth < maximumFolderDepth else { return [folder] }
  let inner = (entries(of: folder) ?? []).filter { !$0.hasPrefix(".") }.map { "\(folder)/\($0)" }.filter(isOwnFolder)
  return [folder] + inner.flatMap { folders(below: $0, depth: depth + 1) }
}

/// True when a path is a folder, or a link to one.
func isFolder(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// True when a path is a folder, and not a link to one.
private func isOwnFolder(_ path: String) -> Bool {
  var status = stat()
  return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// The folder that contains a path, as written.
func folder(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// The absolute path, with links resolved as far as it exists.
func absolute(_ path: String) -> String {
  if let resolved = realPath(path) { return resolved }
  if path.hasPrefix("/") { return path }
  let here = realPath(".") ?? ""
  return (here == "/" ? "" : here) + "/" + path
}

private func realPath(_ path: String) -> String? {
  guard let resolved = realpath(path, nil) else { return nil }
  defer { free(resolved) }
  return String(cString: resolved)
}

/// The path as it is displayed: relative below the current folder, and without `.` components.
///
/// A file then has one name, whether it was named, found in a folder, or imported.
func shortPath(_ path: String) -> String {
  let here = (realPath(".") ?? "") + "/"
  let text = path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
  let parts = text.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
  return text.hasPrefix("/") ? "/" + parts : parts
}

/// Appends to a file; false when it could not be written.
func appendToFile(_ path: String, _ contents: [UInt8]) -> Bool {
  guard let file = fopen(path, "ab") else { return false }
  let count = fwrite(contents, 1, contents.count, file)
  return fclose(file) == 0 && count == contents.count
}

/// Replaces the contents of a file atomically and keeps its mode; false when it could not be written.
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

/// A `.flow` file next to a missing one, with a similar name.
private func similarFile(to path: String) -> String? {
  let slash = path.lastIndex(of: "/")
  let folder = slash.map { String(path[..<$0]) } ?? "."
  let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
  let names = (entries(of: folder.isEmpty ? "/" : folder) ?? []).filter { $0.hasSuffix(".flow") }
  return Suggestion.closest(to: name, among: names).first.map { slash == nil ? $0 : folder + "/" + $0 }
}
