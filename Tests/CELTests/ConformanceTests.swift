import FlowJSON
import Testing

@testable import CELConformance

@Suite struct ConformanceTests {
  /// The suite in JSON, if it is next to the checkout.
  static let folder = "../shared/cel-conformance"

  @Test("all public conformance cases pass", .enabled(if: !ConformanceReport.files(in: folder).isEmpty))
  func publicSuite() {
    let report = ConformanceReport.run(folder: Self.folder)
    #expect(report.failures == [])
    #expect(report.passed > 1_000)
  }

  /// The checker may reject an expression, but must not change its result.
  @Test("conformance cases pass without type checking", .enabled(if: !ConformanceReport.files(in: folder).isEmpty))
  func withoutChecker() {
    #expect(ConformanceReport.run(folder: Self.folder, isChecked: false).failures == [])
  }

  @Test("the runner reports failing cases") func failingCases() throws {
    let document = try JSON(
      parsing: """
        {"file": "f", "sections": [{"name": "s", "tests": [
          {"name": "right", "expr": "1 + 1", "expect": {"value": {"int": "2"}}},
          {"name": "wrong", "expr": "1 + 1", "expect": {"value": {"int": "3"}}},
          {"name": "fine", "expr": "1 + 1", "expect": {"error": ["x"]}},
          {"name": "type", "expr": "[1]", "expect": {"typed_result": {"deduced_type": {"list": "uint"}}}}
        ]}]}
        """)
    let failures = Case.all(in: document).map { ConformanceRunner().failure(of: $0) }
    #expect(
      failures == [
        nil, #"expected ["int",3], found ["int",2]"#, #"expected an error, found ["int",2]"#,
        "expected type list<uint>, found list<int>",
      ])
  }
}
