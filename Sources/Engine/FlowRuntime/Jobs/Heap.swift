/// A binary heap: the least element first. No operation costs more than logarithmically in the number of elements,
/// except for the removal of several.
struct Heap<Element: Comparable> {
  private var elements: [Element] = []

  var count: Int { elements.count }
  var first: Element? { elements.first }

  mutating func insert(_ element: Element) {
    elements.append(element)
    var index = elements.count - 1
    while index > 0, elements[index] < elements[(index - 1) / 2] {
      elements.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  /// Removes and returns the least element.
  mutating func popFirst() -> Element? {
    guard let first = elements.first, let last = elements.popLast() else { return nil }
    guard !elements.isEmpty else { return first }
    elements[0] = last
    var index = 0
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2] where child < elements.count {
        if elements[child] < elements[least] { least = child }
      }
      guard least != index else { return first }
      elements.swapAt(index, least)
      index = least
    }
  }

  /// Removes all elements, and keeps the memory.
  mutating func removeAll() { elements.removeAll(keepingCapacity: true) }

  /// Removes all elements that are not wanted.
  mutating func filter(_ isWanted: (Element) -> Bool) {
    // A sorted list is a heap.
    elements = elements.filter(isWanted).sorted()
  }
}
