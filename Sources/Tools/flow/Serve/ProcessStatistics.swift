import FlowServer
import Glibc

extension Metrics.Process {
  /// The statistics of this process, read from `/proc`.
  static func current() -> Metrics.Process {
    var process = Metrics.Process()
    let page = sysconf(Int32(_SC_PAGESIZE))
    let memory = words("/proc/self/statm")
    if memory.count > 1 { process.residentBytes = (Int(memory[1]) ?? 0) * page }
    // The name of the process may contain spaces; the numbers follow its closing parenthesis.
    let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
    let text = String(decoding: readFile("/proc/self/stat") ?? [], as: UTF8.self)
    let fields = (text.lastIndex(of: ")").map { text[text.index(after: $0)...] } ?? "").split(separator: " ")
    if fields.count > 19 {
      process.cpuSeconds = ((Double(fields[11]) ?? 0) + (Double(fields[12]) ?? 0)) / ticks
      process.startSeconds = bootSeconds + (Double(fields[19]) ?? 0) / ticks
    }
    process.openDescriptors = entries(of: "/proc/self/fd")?.filter { !$0.hasPrefix(".") }.count ?? 0
    return process
  }

  private static var bootSeconds: Double {
    let text = String(decoding: readFile("/proc/stat") ?? [], as: UTF8.self)
    let line = text.split(separator: "\n").first { $0.hasPrefix("btime ") }
    return line.flatMap { Double($0.dropFirst(6)) } ?? 0
  }

  private static func words(_ path: String) -> [Substring] {
    String(decoding: readFile(path) ?? [], as: UTF8.self).split(separator: " ")
  }
}

/// Raises the limit of open descriptors to its maximum: each connection needs one.
func raiseDescriptorLimit() {
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit) == 0 else { return }
  limit.rlim_cur = limit.rlim_max
  setrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
}
