import Dispatch
import FlowActions
import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowMachine
import FlowRuntime
import FlowSource

/// Deploys what is edited while it is served, for whoever develops a flow.
///
/// What compiles is what new instances run from then on; what does not is reported, and changes nothing.
struct ServeWatch {
  private let paths: [String]
  private let engine: EngineThread
  private let settings: ActionSettings
  /// The hash of what is served.
  private var served: String
  private var flows: [String]
  private var folders: Set<String>

  /// - Parameter program: What the files had in them when the server began.
  init(_ paths: [String], _ program: Program, _ engine: EngineThread, _ settings: ActionSettings) {
    self.paths = paths
    self.engine = engine
    self.settings = settings
    served = program.hash
    flows = program.flows.map(\.name)
    folders = Set(paths.flatMap(foldersBelow))
  }

  /// Watches from now on, on a thread of its own, for as long as the process is there.
  func start() {
    DispatchQueue(label: "flow.watch").async { [self] in
      var watch = self
      watchFolders({ watch.folders }, clears: false) { watch.look() }
    }
  }

  private mutating func look() {
    guard let files = namedFiles(paths) else { return keep() }
    let compilation = FlowCompiler.compile(files, load: readFile)
    folders.formUnion(paths.flatMap(foldersBelow))
    folders.formUnion(compilation.sources.files.map { folder(of: $0.name) })
    guard compilation.program?.hash != served else { return }
    let heard = compilation.filtered(by: RuleSelection())
    if !heard.isEmpty {
      Terminal.error(PrettyRenderer(sources: compilation.sources, style: Terminal.errorStyle).render(heard) + "\n")
    }
    if let program = compilation.program { deploy(program, compilation.texts) } else { keep() }
  }

  private mutating func deploy(_ program: Program, _ sources: [SourceText]) {
    if let missing = ActionOptions.whatIsMissing(for: program, settings) { return keep(missing.message) }
    let machine: Machine
    do throws(ProgramError) {
      machine = try Machine(program)
    } catch {
      return keep(error.message)
    }
    served = program.hash
    let names = program.flows.map(\.name)
    for gone in flows where !names.contains(gone) { engine.retire(gone) { _ in } }
    flows = names
    engine.deploy(machine, sources: sources) { result in
      switch result {
      case .success(let answer):
        Terminal.error("flow: serves \(answer.flows.joined(separator: ", ")) as edited, for new instances\n")
      case .failure: Terminal.complain("not deployed, as the store did not take it", help: "save the file once more")
      }
    }
  }

  private func keep(_ reason: String? = nil) {
    Terminal.complain(
      reason.map { "not deployed: \($0)" } ?? "not deployed", help: "what was served before still is")
  }
}
