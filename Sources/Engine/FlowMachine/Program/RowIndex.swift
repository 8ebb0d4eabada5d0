import FlowIR

/// The index of an expression in the tables of a ``LoadedFlow``.
struct ExpressionIndex: ProgramIndex {
  let rawValue: Int32

  init(rawValue: Int32) { self.rawValue = rawValue }
}

/// The index of a source location in the tables of a ``LoadedFlow``.
struct LocationIndex: ProgramIndex {
  let rawValue: Int32

  init(rawValue: Int32) { self.rawValue = rawValue }
}

/// An index or nil, in the four bytes of an index: rows stay small and their layout does not change.
struct OptionalIndex<Index: ProgramIndex>: Sendable, BitwiseCopyable, ExpressibleByNilLiteral {
  private let rawValue: Int32

  @inline(__always) init(_ index: Index?) { rawValue = index.map(\.rawValue) ?? -1 }

  @inline(__always) init(nilLiteral: ()) { rawValue = -1 }

  @inline(__always) var isNil: Bool { rawValue < 0 }

  @inline(__always) var wrapped: Index? { rawValue < 0 ? nil : Index(rawValue: rawValue) }
}
