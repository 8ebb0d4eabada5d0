import FlowCompiler
import FlowIR
import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// `Docs/ir.schema.json` describes every document that the compiler writes.
@Suite("Schema of the IR") struct SchemaTests {
  private static let schema = Result {
    let text = try Data(contentsOf: packageRoot.appending(path: "Docs/ir.schema.json"))
    return DocumentSchema(root: try JSON(parsing: Array(text)))
  }

  private func ir(of sample: Sample) throws -> JSON {
    let compilation = compile(sample.url.lastPathComponent) { path in
      let url = sample.url.deletingLastPathComponent().appending(path: path)
      return (try? Data(contentsOf: url)).map { Array($0) }
    }
    return try #require(compilation.program).json
  }

  @Test(
    "the IR of the samples fits the schema",
    arguments: Sample.all(below: "samples") + Sample.all(in: "Tests/FlowCompilerTests/Corpus/accepted"))
  func samples(_ sample: Sample) throws {
    #expect(try SchemaTests.schema.get().violation(in: ir(of: sample)) == nil)
  }

  @Test("a document with an unknown member violates the schema") func unknownMember() throws {
    let sample = try #require(Sample.all(in: "samples").first)
    let members = try #require(ir(of: sample).members)
    let violation = try SchemaTests.schema.get().violation(in: .object(members + [.init("more", 1)]))
    #expect(violation == "/more: not in the schema")
  }
}
