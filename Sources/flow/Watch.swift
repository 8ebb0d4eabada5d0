import Glibc

/// How long it has to be quiet before files that changed are looked at: editors write in several steps.
private let quietMilliseconds: Int32 = 100

/// Calls `react` whenever one of the files may have changed; ends only with the process.
///
/// The folders are watched and not the files, as editors put a new file in the place of the old one (inotify(7)).
func watchFiles(_ files: [String], _ react: () -> Void) {
  let descriptor = inotify_init1(Int32(IN_CLOEXEC))
  guard descriptor >= 0 else { return Terminal.complain("files can't be watched here") }
  for folder in Set(files.map(folder)) {
    inotify_add_watch(descriptor, folder, UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_CREATE))
  }
  var buffer = [UInt8](repeating: 0, count: 1 << 14)
  while read(descriptor, &buffer, buffer.count) > 0 {
    var pending = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while poll(&pending, 1, quietMilliseconds) > 0, read(descriptor, &buffer, buffer.count) > 0 {}
    if Terminal.isOutputTerminal { Terminal.output("\u{1B}[H\u{1B}[2J") }
    react()
  }
}

private func folder(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// The path from the root on, as far as it exists.
func absolute(_ path: String) -> String {
  guard let resolved = realpath(path, nil) else { return realpathOfFolder() }
  defer { free(resolved) }
  return String(cString: resolved)
}

private func realpathOfFolder() -> String {
  guard let resolved = realpath(".", nil) else { return "/" }
  defer { free(resolved) }
  return String(cString: resolved)
}
