/// A list whose elements are accessed by an index type of their own.
///
/// ```swift
/// let source = flow.states[transition.source]
/// for index in flow.states.indices where flow.states[index].isFinal { … }
/// ```
@frozen public struct IndexedList<Index: ProgramIndex, Element> {
  /// The elements in order.
  public var elements: [Element]

  @inlinable public init(_ elements: [Element]) { self.elements = elements }

  /// Adds an element at the end.
  /// - Returns: Its index.
  @discardableResult
  public mutating func append(_ element: Element) -> Index {
    elements.append(element)
    return Index(elements.count - 1)
  }

  /// The elements with their indices, in order.
  public var indexed: [(index: Index, element: Element)] {
    elements.enumerated().map { (Index($0.offset), $0.element) }
  }
}

extension IndexedList: RandomAccessCollection, MutableCollection {
  @inlinable public var startIndex: Index { Index(rawValue: 0) }
  @inlinable public var endIndex: Index { Index(elements.count) }

  @inlinable public subscript(index: Index) -> Element {
    get { elements[index.position] }
    _modify { yield &elements[index.position] }
  }
}

extension IndexedList: ExpressibleByArrayLiteral {
  @inlinable public init(arrayLiteral elements: Element...) { self.init(elements) }
}

extension IndexedList: Equatable where Element: Equatable {}
extension IndexedList: Hashable where Element: Hashable {}
extension IndexedList: Sendable where Element: Sendable {}
