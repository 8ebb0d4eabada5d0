import FlowDiagnostics
import FlowIDE
import FlowIR
import FlowJSON
import FlowMachine
import FlowSource
import FlowTesting

// Descriptions of names, from the same source as those of editors.
extension Session {
  func describe(_ name: String) -> Reply {
    guard !name.isEmpty else { return failure("`:describe` takes a name, such as that of a state or an event") }
    guard let machine else { return notLoaded }
    let flow = run.map { machine.program.flows[$0.flow].name }
    let view = ProgramView(files: files.map { ($0.name, $0.text) })
    if let text = view.description(ofName: name, flow: flow) {
      return Reply(text: Session.plain(text), result: ["description": .string(text)])
    }
    let guess = Suggestion.closest(to: name, among: declaredNames).first
    return failure("`\(name)` is not a name of \(path)" + (guess.map { ", did you mean `\($0)`?" } ?? ""))
  }

  /// Markdown for a terminal: without the fences of code.
  private static func plain(_ markdown: String) -> String {
    markdown.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.hasPrefix("```") }
      .joined(separator: "\n").replacing("**", with: "")
  }
}
