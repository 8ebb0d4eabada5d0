import FlowRuntime

/// The sequence numbers of the entries of recently read histories.
///
/// Entries are chained backwards, so that a page in the middle of a history requires a traversal from its end. The
/// result is cached: reading a history page by page visits each entry once, and not once for each page.
final class EntryChains {
  /// The maximum number of cached instances.
  private static let most = 8

  private struct Chain {
    /// In ascending order: all entries after `start`.
    var sequences: [Int64] = []
    var start: Int64 = .max
  }

  private var chains: [Int64: Chain] = [:]
  /// The instances in the order of their last use.
  private var order: [Int64] = []
  private let head, previous: Statement

  init(_ connection: SQLiteConnection) throws(StoreError) {
    head = try connection.prepare("SELECT head FROM instance WHERE id = ?1")
    previous = try connection.prepare("SELECT previous FROM journal WHERE sequence = ?1")
  }

  /// The first entries of an instance after a sequence number, in ascending order.
  func entries(of instance: Int64, after start: Int64, limit: Int) throws(StoreError) -> ArraySlice<Int64> {
    head.bind(.integer(instance))
    guard try head.next() else {
      chains[instance] = nil
      return []
    }
    let newest = head.integer(0)
    head.reset()
    var chain = chains[instance] ?? Chain()
    try extend(&chain, to: newest, after: start)
    remember(chain, of: instance)
    let first = chain.sequences.firstIndex(after: start)
    return chain.sequences[first...].prefix(limit)
  }

  /// Reads the entries that are not cached: the newer ones, and the older ones down to `start`.
  private func extend(_ chain: inout Chain, to newest: Int64, after start: Int64) throws(StoreError) {
    let last = chain.sequences.last ?? 0
    if chain.sequences.isEmpty {
      chain.sequences = try walk(from: newest, downTo: start)
      chain.start = start
      return
    }
    if newest > last { chain.sequences += try walk(from: newest, downTo: last) }
    guard start < chain.start, let first = chain.sequences.first else { return }
    let older = try walk(from: first, downTo: start).dropLast()
    chain.sequences = older + chain.sequences
    chain.start = start
  }

  /// The entries from one down to another, which is excluded, in ascending order.
  private func walk(from newest: Int64, downTo start: Int64) throws(StoreError) -> [Int64] {
    var found: [Int64] = []
    var next = newest
    while next > start {
      previous.bind(.integer(next))
      // The preceding entries were archived.
      guard try previous.next() else { break }
      found.append(next)
      next = previous.integer(0)
      previous.reset()
    }
    return found.reversed()
  }

  private func remember(_ chain: Chain, of instance: Int64) {
    order.removeAll { $0 == instance }
    order.append(instance)
    chains[instance] = chain
    if order.count > EntryChains.most { chains[order.removeFirst()] = nil }
  }
}

extension [Int64] {
  /// The index of the first element above a number, in an array in ascending order.
  fileprivate func firstIndex(after number: Int64) -> Int {
    var (low, high) = (startIndex, endIndex)
    while low < high {
      let middle = (low + high) / 2
      if self[middle] > number { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
