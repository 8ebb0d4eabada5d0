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
  /// The hashes of the programs that are served.
  private var served: Set<String>
  private var flows: [String]
  private var folders: Set<String>

  /// - Parameter configuration: The programs with which the server has started.
  init(_ configuration: ServeConfiguration, engine: EngineThread, redaction: Redaction) {
    paths = configuration.watchedPaths
    self.engine = engine
    self.redaction = redaction
    log = configuration.options.log
    settings = configuration.actions
    served = Set(configuration.programs.map(\.program.hash))
    flows = configuration.programs.flatMap(\.program.flows).map(\.name)
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
    let compilations = FlowCompiler.compilePrograms(files, load: readSource)
    folders.formUnion(paths.flatMap(foldersBelow))
    folders.formUnion(compilations.flatMap(\.sources.files).map { folder(of: $0.name) })
    guard Set(compilations.map { $0.program?.hash ?? "" }) != served else { return }
    compilations.forEach(printFindings)
    let programs = compilations.compactMap(CompiledProgram.init)
    guard programs.count == compilations.count else { return reportFailure() }
    do throws(UsageError) {
      try ServeConfiguration.checkNames(of: programs)
      if let missing = ProgramRequirements.unmet(by: programs.map(\.program), settings: settings) { throw missing }
    } catch {
      return reportFailure(error.message)
    }
    deploy(programs)
  }

  private mutating func deploy(_ programs: [CompiledProgram]) {
    var changed: [StartupProgram] = []
    for compiled in programs where !served.contains(compiled.program.hash) {
      do throws(ProgramError) {
        let machine = try Machine(compiled.program)
        changed.append(StartupProgram(machine: machine, sources: compiled.compilation.texts))
      } catch {
        return reportFailure(error.message)
      }
    }
    served = Set(programs.map(\.program.hash))
    let names = programs.flatMap(\.program.flows).map(\.name)
    for removed in flows where !names.contains(removed) { retire(removed) }
    flows = names
    for program in changed { deploy(program) }
  }

  private func retire(_ flow: String) {
    engine.retire(flow) { [log] result in
      guard case .success = result else { return }
      log.write(.info, "retired \(flow): it is not in the files any more")
    }
  }

  private func deploy(_ program: StartupProgram) {
    redaction.follow(program.machine.program)
    for text in redaction.warnings(deploying: program.machine.program) { log.write(.warn, text) }
    engine.deploy(program.machine, sources: program.sources, origin: .files) { [log] result in
      switch result {
      case .success(let answer):
        guard !answer.flows.isEmpty else { return }
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
