import FlowSource
import Glibc

/// The `.flow` files that a path names: itself, or all below it when it is a folder, in order of their names.
///
/// What begins with a dot is left out. Nil when the path can't be read.
func flowFiles(at path: String) -> [String]? {
  var status = stat()
  guard stat(path, &status) == 0 else { return nil }
  return isFolder(path) ? flowFiles(below: path, depth: 0) : [path]
}

/// The files that the operands of a command name, each once: themselves, and all below them where they are folders.
///
/// Nil, and said, when one can't be read or nothing is found.
func namedFiles(_ operands: [String]) -> [String]? {
  var found: [String] = []
  var seen: Set<String> = []
  for path in operands {
    let isInput = path == "-"
    guard let files = isInput ? [path] : flowFiles(at: path),
      isInput || !files.contains(where: { readFile($0) == nil })
    else {
      Terminal.complain("cannot read `\(path)`", help: neighbour(of: path).map { "did you mean `\($0)`?" })
      return nil
    }
    guard !files.isEmpty else {
      Terminal.complain("there is no `.flow` file below `\(path)`")
      return nil
    }
    // What was named keeps the name that it was given.
    let names = files == [path] ? files : files.map(shortPath)
    found += names.filter { seen.insert(shortPath($0)).inserted }
  }
  return found
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

/// The folder at a path and all below it; the one around it when it is a file.
func foldersBelow(_ path: String) -> [String] {
  let files = flowFiles(at: path) ?? []
  return ["", "."].contains(path) || isFolder(path) ? folders(below: path, depth: 0) : files.map(folder)
}

private func folders(below folder: String, depth: Int) -> [String] {
  guard depth < maximumFolderDepth else { return [folder] }
  let inner = (entries(of: folder) ?? []).filter { !$0.hasPrefix(".") }.map { "\(folder)/\($0)" }.filter(isOwnFolder)
  return [folder] + inner.flatMap { folders(below: $0, depth: depth + 1) }
}

/// Whether a folder, or a link to one, is at a path.
func isFolder(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// Whether a folder, and no link to one, is at a path.
private func isOwnFolder(_ path: String) -> Bool {
  var status = stat()
  return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// The folder around a path, as it is written.
func folder(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// The path from the root on, links followed as far as it exists.
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

/// The path as it is shown: relative when it lies below the current folder, and without `.` between slashes.
///
/// One file then has one name, whether it was named, found in a folder, or imported.
func shortPath(_ path: String) -> String {
  let here = (realPath(".") ?? "") + "/"
  let text = path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
  let parts = text.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
  return text.hasPrefix("/") ? "/" + parts : parts
}

/// Writes behind what a file holds, or says that it could not.
func appendToFile(_ path: String, _ contents: [UInt8]) -> Bool {
  guard let file = fopen(path, "ab") else { return false }
  let count = fwrite(contents, 1, contents.count, file)
  return fclose(file) == 0 && count == contents.count
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
