import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowMachine
import FlowSource
import FlowTesting
import FlowTime

// Loading and reloading files.
extension Session {
  mutating func loadFile(_ path: String) -> Reply {
    guard !path.isEmpty else { return failure("`:load` takes the path of a file") }
    let (machine, files, tests, messages) = compiled(path)
    guard let machine else { return Reply(text: messages, isError: true) }
    self.path = path
    self.machine = machine
    self.files = files
    self.tests = tests
    mocks = [:]
    let flows = machine.program.flows
    tracks = flows.isEmpty ? [] : [Timeline(id: "1", VirtualRun(stepper: Stepper(machine), flow: 0, now: start))]
    current = 0
    keepNames()
    let names = flows.map { "\($0.name) (\($0.states.count - 1) states)" }.joined(separator: ", ")
    return Reply(text: messages + "\(path): \(names.isEmpty ? "no flows" : names)")
  }

  /// The machine of a file, nil when it does not compile, its text and those of its imports, their tests, and the
  /// diagnostics, one per line.
  private func compiled(_ path: String) -> (Machine?, files: [SourceFile], tests: [TestCase], messages: String) {
    let compilation = compile(path, load: world.load)
    let renderer = PrettyRenderer(sources: compilation.sources, style: style)
    let messages = compilation.filtered(by: RuleSelection()).map { renderer.render($0) }.joined(separator: "\n")
    let files = compilation.sources.files
    guard let program = compilation.program else { return (nil, files, [], messages) }
    do throws(ProgramError) {
      return (try Machine(program), files, compilation.tests, messages.isEmpty ? "" : messages + "\n")
    } catch {
      return (nil, files, [], failure(error.message).text)
    }
  }

  /// Compiles the file again, and repeats the inputs of each instance under the new program.
  mutating func reload(_ text: String) -> Reply {
    guard let old = machine else { return notLoaded }
    guard ["", "--fresh", "--keep"].contains(text) else { return failure("write `:reload` or `:reload --fresh`") }
    if text == "--fresh" { return loadFile(path) }
    let (machine, files, tests, messages) = compiled(path)
    guard let machine else { return Reply(text: messages, isError: true) }
    guard !machine.program.flows.isEmpty else { return failure("\(path) has no flow any more") }
    self.machine = machine
    self.files = files
    self.tests = tests
    var lines: [String] = []
    var isWhole = true
    tracks = tracks.map { track in
      let (again, problem) = replay(track, from: old, on: machine)
      let standing = "\(track.id): " + location(of: again.run)
      lines.append(problem.map { standing + ", as " + $0 } ?? standing)
      isWhole = isWhole && problem == nil
      return again
    }
    keepNames()
    return Reply(text: messages + lines.joined(separator: "\n"), isError: !isWhole)
  }

  /// The same instance under another program, as far as possible, and the input that failed.
  private func replay(_ track: Timeline, from old: Machine, on new: Machine) -> (Timeline, problem: String?) {
    let name = old.program.flows[track.run.flow].name
    let flow = new.flow(named: name)
    var again = Timeline(id: track.id, VirtualRun(stepper: Stepper(new), flow: flow ?? 0, now: start))
    guard let flow else { return (again, "there is no flow `\(name)` any more") }
    for move in track.run.moves {
      let line = move.testLine(in: old, flow: track.run.flow)
      guard let carried = move.carried(from: old, to: new, flow: flow) else {
        return (again, "`\(line)` does not fit the program any more")
      }
      var run = again.run
      guard let runEvents = run.make(carried) else { return (again, "`\(line)` ends no call any more") }
      for case .refused(let refusal) in runEvents.map(\.outcome) {
        return (again, "`\(line)` is refused now: \(refusal.message)")
      }
      again.go(to: run)
    }
    return (again, nil)
  }

  /// The location of a run in short form.
  func location(of run: VirtualRun) -> String {
    let flow = run.program.flows[run.flow].name
    guard let instance = run.instance else { return "\(flow) has not started" }
    let status = instance.status == .running ? "" : "  \(instance.status.rawValue)"
    let time = "+\(DurationText.text(run.now - start)) #\(instance.revision)"
    return "\(flow) \(instance.key)  \(run.leafPaths.joined(separator: ", "))\(status)  \(time)"
  }
}
