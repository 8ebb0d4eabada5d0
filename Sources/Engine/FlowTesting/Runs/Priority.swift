extension Sequence {
  /// The first of the elements with the highest priority; nil when there are none.
  func first(by priority: (Element) -> Int64) -> Element? {
    var best: (element: Element, priority: Int64)?
    for element in self {
      let priority = priority(element)
      if best.map({ priority > $0.priority }) ?? true { best = (element, priority) }
    }
    return best?.element
  }
}
