import FlowCompiler
import FlowDiagram
import FlowIR
import FlowSource
import FlowTestSupport
import Foundation
import Testing

/// Diagrams of flows in text formats of other programs.
@Suite struct DiagramTests {
  static let samples = Sample.all(in: "Tests/FlowDiagramTests/Corpus")

  private func program(_ sample: Sample) throws -> Program {
    let compilation = compile(sample.url.lastPathComponent) { _ in Array(sample.text.utf8) }
    #expect(!compilation.diagnostics.hasErrors)
    return try #require(compilation.program)
  }

  private func expectGolden(_ text: String, _ sample: Sample, _ kind: String) throws {
    try FlowTestSupport.expectGolden(
      text, at: sample.url.deletingPathExtension().appendingPathExtension("\(kind).golden"))
  }

  private func all(_ program: Program, _ draw: (Program, FlowIndex) -> String) -> String {
    program.flows.indices.map { draw(program, $0) }.joined()
  }

  @Test("every flow is drawn as dot, Mermaid and text as recorded", arguments: samples) func everyFlowIsDrawn(
    _ sample: Sample
  ) throws {
    let program = try program(sample)
    try expectGolden(all(program) { dot($0, flow: $1) }, sample, "dot")
    try expectGolden(all(program) { mermaid($0, flow: $1) }, sample, "mermaid")
    try expectGolden(all(program) { textDiagram($0, flow: $1) }, sample, "text")
  }

  /// The parts of the diagram are found by their ids.
  @Test("the Graphviz output has every state and transition", .enabled(if: hasGraphviz), arguments: samples)
  func graphvizDrawsEveryPart(_ sample: Sample) throws {
    let program = try program(sample)
    for (index, flow) in program.flows.indexed {
      let svg = try render(dot(program, flow: index))
      for state in flow.states.dropFirst() { #expect(svg.contains("id=\"state.\(state.path)\"")) }
      for number in flow.transitions.indices {
        // The line of a transition that stays in its state is a link, whose id Graphviz prefixes.
        let isDrawn = svg.contains("id=\"transition.\(number)\"") || svg.contains("id=\"a_transition.\(number)\"")
        #expect(isDrawn, "transition \(number)")
      }
      for call in flow.calls where !call.after.isEmpty {
        #expect(svg.contains("id=\"step.\(flow.states[call.state].path).\(call.name)\""), "\(call.name)")
      }
    }
  }

  static let hasGraphviz = FileManager.default.isExecutableFile(atPath: "/usr/bin/dot")

  private func render(_ text: String) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/dot")
    process.arguments = ["-Tsvg"]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
    try input.fileHandleForWriting.close()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return String(decoding: bytes, as: UTF8.self)
  }
}
