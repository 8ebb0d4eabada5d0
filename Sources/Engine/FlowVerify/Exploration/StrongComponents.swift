/// Strongly connected parts of a graph (Tarjan, 1972), without recursion.
enum StrongComponents {
  /// The parts that contain a cycle.
  static func find(_ nodes: Set<Int>, _ targets: (Int) -> [Int]) -> [[Int]] {
    var search = Search()
    for node in nodes.sorted() where search.order[node] == nil { search.visit(node, targets) }
    return search.found
  }

  private struct Search {
    var order: [Int: Int] = [:]
    var low: [Int: Int] = [:]
    var stack: [Int] = []
    var onStack: Set<Int> = []
    var found: [[Int]] = []

    mutating func visit(_ root: Int, _ targets: (Int) -> [Int]) {
      var frames: [(node: Int, targets: [Int], next: Int)] = []
      open(root, targets: targets, in: &frames)
      while let frame = frames.last {
        if frame.next < frame.targets.count {
          frames[frames.count - 1].next += 1
          let target = frame.targets[frame.next]
          if order[target] == nil {
            open(target, targets: targets, in: &frames)
          } else if onStack.contains(target) {
            low[frame.node] = min(low[frame.node] ?? 0, order[target] ?? 0)
          }
        } else {
          frames.removeLast()
          if let parent = frames.last?.node { low[parent] = min(low[parent] ?? 0, low[frame.node] ?? 0) }
          if low[frame.node] == order[frame.node] { close(frame.node, frame.targets) }
        }
      }
    }

    private mutating func open(
      _ node: Int, targets: (Int) -> [Int], in frames: inout [(node: Int, targets: [Int], next: Int)]
    ) {
      order[node] = order.count
      low[node] = order[node]
      stack.append(node)
      onStack.insert(node)
      frames.append((node, targets(node), 0))
    }

    private mutating func close(_ node: Int, _ targets: [Int]) {
      var part: [Int] = []
      while let last = stack.popLast() {
        onStack.remove(last)
        part.append(last)
        if last == node { break }
      }
      if part.count > 1 || targets.contains(node) { found.append(part) }
    }
  }
}
