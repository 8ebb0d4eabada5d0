import Glibc

/// The delay after the last change, in milliseconds: editors write in several steps.
private let quietMilliseconds: Int32 = 100

/// Calls `react` once, and again after each change of a flow or configuration file in the folders; never returns
/// while watching is possible.
///
/// Folders are watched instead of files, as editors replace files when saving (inotify(7)).
/// - Parameters:
///   - folders: The folders to watch, evaluated again after each change.
///   - clears: Clears a terminal before each call of `react` except the first.
func watchFolders(_ folders: () -> Set<String>, clears: Bool = true, _ react: () -> Void) {
  let descriptor = inotify_init1(Int32(IN_CLOEXEC))
  guard descriptor >= 0 else { return Terminal.error("this system does not support watching files") }
  var buffer = [UInt8](repeating: 0, count: 1 << 14)
  var watched: Set<String> = []
  while true {
    // Changes made before a folder was watched are covered by another call.
    while case let fresh = folders().subtracting(watched), !fresh.isEmpty {
      for folder in fresh {
        inotify_add_watch(
          descriptor, folder, UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE))
      }
      watched.formUnion(fresh)
      react()
    }
    guard let isOfInterest = changes(descriptor, buffer: &buffer) else { return }
    guard isOfInterest else { continue }
    if clears, Terminal.isOutputTerminal { Terminal.output("\u{1B}[H\u{1B}[2J") }
    react()
  }
}

/// Waits for changes and for the delay after the last one; true when one is relevant, nil when watching has failed.
private func changes(_ descriptor: Int32, buffer: inout [UInt8]) -> Bool? {
  var isOfInterest = false
  var pending = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
  repeat {
    let count = read(descriptor, &buffer, buffer.count)
    if count < 0, errno == EINTR { continue }
    guard count > 0 else { return nil }
    isOfInterest = isOfInterest || changedNames(buffer[..<count]).contains(where: isRelevant)
  } while poll(&pending, 1, quietMilliseconds) > 0
  return isOfInterest
}

/// False for files that the process itself writes, such as reports.
private func isRelevant(_ change: (name: String, isFolder: Bool)) -> Bool {
  change.isFolder || change.name.hasSuffix(".flow") || change.name == "flow.toml"
}

/// The names in a sequence of `struct inotify_event`: a header of four 32-bit integers, of which the last is the
/// length of the name that follows.
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
