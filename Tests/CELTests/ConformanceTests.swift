import FlowJSON
import Testing

@testable import CELConformance

@Suite struct ConformanceTests {
  /// The suite's JSON form, when it lies beside the checkout.
  static let folder = "../shared/cel-conformance"

  @Test("all public conformance cases pass", .enabled(if: !ConformanceReport.files(in: folder).isEmpty))
  func passesThePublicSuite() {
    let report = ConformanceReport.run(folder: Self.folder)
    #expect(report.failures == [])
    #expect(report.passed > 1_000)
  }

  /// The checker may refuse, but must never change a result.
  @Test("conformance cases pass without type checking", .enabled(if: !ConformanceReport.files(in: folder).isEmpty))
  func passesWithoutTheChecker() {
    #expect(ConformanceReport.run(folder: Self.folder, isChecked: false).failures == [])
  }

  @Test("the runner reports failing cases") func reportsWhatFails() throws {
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
