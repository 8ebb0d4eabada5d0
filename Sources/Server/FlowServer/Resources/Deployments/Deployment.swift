import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowSource

/// A program to be served.
struct Deployment {
  /// The maximum number of running instances for which migration is evaluated.
  static let maximumTried = 500
  /// The maximum number of diagnostics in a response, errors first.
  static let maximumDiagnostics = 500

  let flow: String
  let machine: Machine
  /// The current deployment of the flow; nil for a new flow.
  let present: Catalogue.Entry?
  /// The source files of the program; empty for IR.
  let sources: [SourceText]
  private let diagnostics: JSON

  /// Compiles a source.
  /// - Parameter obstacle: The reason why a program can't be served here.
  /// - Throws: 422 with the diagnostics.
  init(
    source: [UInt8], flow: String, in catalogue: Catalogue, obstacle: (Program) -> String?
  ) throws(Problem) {
    let file = flow + ".flow"
    let compilation = compile(file) { $0 == file ? source : nil }
    let all = compilation.filtered(by: RuleSelection())
    let listed = (all.filter { $0.severity == .error } + all.filter { $0.severity != .error })
      .prefix(Deployment.maximumDiagnostics)
    let found = renderJSON(Array(listed), sources: compilation.sources)["diagnostics"] ?? .array([])
    guard let program = compilation.program else {
      throw .doesNotCompile(compilation.diagnostics.first { $0.severity == .error }?.message ?? "", found)
    }
    let text = SourceText(name: file, text: String(decoding: source, as: UTF8.self))
    try self.init(program, from: [text], flow: flow, in: catalogue, obstacle: obstacle, diagnostics: found)
  }

  /// Loads the output of `flow compile`.
  /// - Throws: 422 for IR that is not valid.
  init(
    ir: JSON, flow: String, in catalogue: Catalogue, obstacle: (Program) -> String?
  ) throws(Problem) {
    let program: Program
    do throws(ProgramError) {
      program = try Program(json: ir)
    } catch {
      throw .doesNotCompile("the body is not the output of `flow compile`: \(error.message)", .array([]))
    }
    try self.init(program, from: [], flow: flow, in: catalogue, obstacle: obstacle, diagnostics: .array([]))
  }

  private init(
    _ program: Program, from sources: [SourceText], flow: String, in catalogue: Catalogue,
    obstacle: (Program) -> String?, diagnostics found: JSON
  ) throws(Problem) {
    guard program.flows.contains(where: { $0.name == flow }) else {
      throw .doesNotCompile("the source has no flow `\(flow)`", found)
    }
    if let reason = obstacle(program) { throw .doesNotCompile(reason, found) }
    do throws(ProgramError) {
      machine = try Machine(program)
    } catch {
      throw .doesNotCompile(error.message, found)
    }
    self.flow = flow
    present = catalogue[flow]
    self.sources = sources
    diagnostics = found
  }

  /// The effect of the deployment on the running instances.
  /// - Parameter withValues: True if the caller may see values and keys of the instances.
  func json(
    _ queries: any Queries, _ programs: ProgramCache, now: Int64, isDryRun: Bool, withValues: Bool
  ) throws(StoreError) -> JSON {
    let index = machine.flow(named: flow) ?? 0
    let node = machine.program.flows[index]
    var live: [JSON] = []
    for group in try queries.population(flow: flow) where !group.status.hasEnded {
      let gone = group.states.filter { path in !node.states.contains { $0.path == path } }
      live.append([
        "definition": .string(group.definition), "state": .array(group.states.map { .string($0) }),
        "count": .int(Int64(group.count)), "isKept": .bool(gone.isEmpty),
      ])
    }
    return [
      "name": .string(flow), "version": .int(Int64(node.version)), "definition": .string(machine.program.hash),
      "flows": .array(machine.program.flows.map { .string($0.name) }), "dryRun": .bool(isDryRun),
      "isNew": .bool(present == nil), "isSame": .bool(present?.hash == machine.program.hash),
      "diagnostics": diagnostics, "changes": changes(node), "live": .array(live),
      "migration": try migration(queries, programs, now: now, withValues: withValues),
    ]
  }

  /// The instances that can be migrated to it, and the reasons why others cannot.
  private func migration(
    _ queries: any Queries, _ programs: ProgramCache, now: Int64, withValues: Bool
  ) throws(StoreError) -> JSON {
    var filter = InstanceFilter(flow: flow)
    filter.status = .running
    let stepper = Stepper(machine)
    var (tried, possible) = (0, 0)
    var reasons: [(text: String, count: Int, key: String)] = []
    for row in try queries.instances(filter, after: nil, limit: Deployment.maximumTried) {
      guard row.definition != machine.program.hash, let (instance, old) = try programs.instance(row) else { continue }
      tried += 1
      do throws(MigrationProblem) {
        _ = try stepper.migrate(instance, from: old.machine, now: now)
        possible += 1
      } catch {
        let text = withValues ? error.message : error.summary
        if let index = reasons.firstIndex(where: { $0.text == text }) {
          reasons[index].count += 1
        } else {
          reasons.append((text, 1, row.key))
        }
      }
    }
    return [
      "looked": .int(Int64(tried)), "possible": .int(Int64(possible)),
      "reasons": .array(
        reasons.map { reason in
          let members: [JSON.Member] = [
            .init("detail", .string(reason.text)), .init("count", .int(Int64(reason.count))),
          ]
          return .object(members + (withValues ? [.init("example", .string(reason.key))] : []))
        }),
    ]
  }

  private func changes(_ node: Flow) -> JSON {
    guard let present else { return .null }
    let old = present.machine.program.flows[present.flow]
    let types = Dictionary(old.fields.map { ($0.name, $0.type) }) { first, _ in first }
    let changed = node.fields.filter { field in types[field.name].map { $0 != field.type } ?? false }.map(\.name)
    return [
      "states": difference(old.states.dropFirst().map(\.path), node.states.dropFirst().map(\.path)),
      "events": difference(present.machine.program.events.map(\.name), machine.program.events.map(\.name)),
      "data": difference(old.fields.map(\.name), node.fields.map(\.name)),
      "retyped": .array(changed.map { .string($0) }),
    ]
  }

  private func difference(_ old: [String], _ new: [String]) -> JSON {
    let (before, after) = (Set(old), Set(new))
    return [
      "added": .array(new.filter { !before.contains($0) }.map { .string($0) }),
      "removed": .array(old.filter { !after.contains($0) }.map { .string($0) }),
    ]
  }
}

extension Problem {
  static func doesNotCompile(_ reason: String, _ diagnostics: JSON) -> Problem {
    Problem(.compileFailed, reason, members: [.init("diagnostics", diagnostics)])
  }
}

extension Machine {
  /// The declared version number of a flow.
  func flowVersion(_ flow: FlowIndex) -> Int { program.flows[flow].version }
}
