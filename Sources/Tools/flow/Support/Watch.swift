import Glibc

/// How long it has to be quiet before files that changed are looked at: editors write in several steps.
private let quietMilliseconds: Int32 = 100

/// Calls `react` at first and whenever a flow or the configuration in one of the folders may have changed; ends only
/// with the process.
///
/// The folders are watched and not the files, as editors put a new file in the place of the old one (inotify(7)).
/// - Parameters:
///   - folders: Asked again after each change, as files come and go.
///   - clears: Whether a terminal is cleared before each reaction but the first.
func watchFolders(_ folders: () -> Set<String>, clears: Bool = true, _ react: () -> Void) {
  let descriptor = inotify_init1(Int32(IN_CLOEXEC))
  guard descriptor >= 0 else { return Terminal.complain("files can't be watched here") }
  var buffer = [UInt8](repeating: 0, count: 1 << 14)
  var watched: Set<String> = []
  while true {
    // What has changed before a folder was watched is seen by looking once more.
    while case let fresh = folders().subtracting(watched), !fresh.isEmpty {
      for folder in fresh {
        inotify_add_watch(
          descriptor, folder, UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE))
      }
      watched.formUnion(fresh)
      react()
    }
    guard let isOfInterest = changes(descriptor, &buffer) else { return }
    guard isOfInterest else { continue }
    if clears, Terminal.isOutputTerminal { Terminal.output("\u{1B}[H\u{1B}[2J") }
    react()
  }
}

/// Waits for changes and then until it is quiet: whether one of them matters; nil when there will be none.
private func changes(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Bool? {
  var isOfInterest = false
  var pending = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
  repeat {
    let count = read(descriptor, &buffer, buffer.count)
    if count < 0, errno == EINTR { continue }
    guard count > 0 else { return nil }
    isOfInterest = isOfInterest || changedNames(buffer[..<count]).contains(where: matters)
  } while poll(&pending, 1, quietMilliseconds) > 0
  return isOfInterest
}

/// What this process writes itself, such as a report, does not matter.
private func matters(_ change: (name: String, isFolder: Bool)) -> Bool {
  change.isFolder || change.name.hasSuffix(".flow") || change.name == "flow.toml"
}

/// The names in a run of `struct inotify_event`: four numbers of four bytes, the last of which says how long the name
/// behind them is.
private func changedNames(_ events: ArraySlice<UInt8>) -> [(name: String, isFolder: Bool)] {
  let header = 16
  var found: [(name: String, isFolder: Bool)] = []
  var rest = events
  while rest.count >= header {
    let (mask, length) = rest.withUnsafeBytes { bytes in
      (
        bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self),
        Int(bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
      )
    }
    let name = rest.dropFirst(header).prefix(length).prefix { $0 != 0 }
    found.append((String(decoding: name, as: UTF8.self), mask & UInt32(IN_ISDIR) != 0))
    rest = rest.dropFirst(header + length)
  }
  return found
}
