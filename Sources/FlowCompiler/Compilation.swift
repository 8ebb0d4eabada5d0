public import FlowIR
public import FlowSource

/// What came of compiling: the program, if it holds, and all that there is to say.
public struct Compilation: Sendable {
  public var sources: SourceSet
  public var program: Program?
  public var tests: [TestCase] = []
  public var diagnostics: [Diagnostic]
}
