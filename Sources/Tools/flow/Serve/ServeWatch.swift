import Dispatch
import FlowActions
import FlowCompiler
import FlowIR
import FlowMachine
import FlowRuntime
import FlowServer
import FlowSource

/// Deploys the files of `flow serve --watch` again after each change, for development.
///
/// New instances run the edited flows once these compile; otherwise the errors are printed and nothing changes.
struct ServeWatch {
  private let paths: [String]
  private let engine: EngineThread
  private let settings: ActionSettings
  private let redaction: Redaction
  private let log: Log
  /// The hash of the program that is served.
  private var served: String
  private var flows: [String]
  private var folders: Set<String>

  /// - Parameter configuration: The program with which the server has started.
  init(_ configuration: ServeConfiguration, engine: EngineThread, redaction: Redaction) {
    paths = configuration.watchedPaths
    self.engine = engine
    self.redaction = redaction
    log = configuration.options.log
    settings = configuration.actions
    served = configuration.program.hash
    flows = configuration.program.flows.map(\.name)
    folders = Set(paths.flatMap(foldersBelow))
  }

  /// Watches on a thread of its own until the process ends.
  func start() {
    DispatchQueue(label: "flow.watch").async { [self] in
      var watch = self
      watchFolders({ watch.folders }, clears: false) { watch.deployChanges() }
    }
  }

  private mutating func deployChanges() {
    let files: [String]
    do throws(UsageError) {
      files = try namedFiles(paths)
    } catch {
      return reportFailure(error.message)
    }
    let compilation = FlowCompiler.compile(files, load: readSource)
    folders.formUnion(paths.flatMap(foldersBelow))
    folders.formUnion(compilation.sources.files.map { folder(of: $0.name) })
    guard compilation.program?.hash != served else { return }
    printFindings(of: compilation)
    if let program = compilation.program {
      deploy(program, sources: compilation.texts)
    } else {
      reportFailure()
    }
  }

  private mutating func deploy(_ program: Program, sources: [SourceText]) {
    if let missing = ProgramRequirements.unmet(by: program, settings: settings) {
      return reportFailure(missing.message)
    }
    let machine: Machine
    do throws(ProgramError) {
      machine = try Machine(program)
    } catch {
      return reportFailure(error.message)
    }
    served = program.hash
    let names = program.flows.map(\.name)
    for removed in flows where !names.contains(removed) { engine.retire(removed) { _ in } }
    flows = names
    redaction.follow(program)
    engine.deploy(machine, sources: sources) { [log] result in
      switch result {
      case .success(let answer):
        log.write(.info, "deployed \(answer.flows.joined(separator: ", ")) for new instances")
      case .failure: Terminal.error("not deployed: the store could not be written", help: "save the file again")
      }
    }
  }

  private func reportFailure(_ reason: String? = nil) {
    Terminal.error(
      reason.map { "not deployed: \($0)" } ?? "not deployed", help: "the previous version is still served")
  }
}
