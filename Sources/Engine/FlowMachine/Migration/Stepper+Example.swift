import CEL
public import FlowIR
public import FlowJSON

// Migrations of instances whose program is not known, as in tests: of their version only the states and the data are.
extension Stepper {
  /// Migrates an instance of an earlier version.
  /// - Parameters:
  ///   - states: The paths of its innermost active states.
  ///   - data: Its data by names, fields of states by paths: `asked.token`.
  /// - Throws: `MigrationProblem` when a state or a value has no equivalent.
  public func migrate(
    states: [String], data: JSON, of flow: FlowIndex, from version: Int, now: Int64
  ) throws(MigrationProblem) -> Migrated {
    let name = machine.program.flows[flow].name
    do throws(ProgramError) {
      var program = machine.program
      program.flows = [Flow(name: name, version: version, states: states, data: data)]
      let old = Stepper(try Machine(program))
      let header = InstanceHeader(flow: 0, key: key(data, flow), status: .running, revision: 1, startedAt: now)
      let instance = try old.restore(
        header, position: ["states": .array(states.map { .string($0) })], data: data)
      return try migrated(instance, from: old.machine, now: now)
    } catch {
      throw MigrationProblem(message: error.message)
    }
  }

  private func migrated(_ old: Instance, from machine: Machine, now: Int64) throws(ProgramError) -> Migrated {
    do throws(MigrationProblem) {
      return try migrate(old, from: machine, now: now)
    } catch {
      throw ProgramError(error.message)
    }
  }

  /// The key in the data of an instance; `1` for a flow without a key.
  private func key(_ data: JSON, _ flow: FlowIndex) -> String {
    let fields = machine.program.flows[flow]
    return fields.key.flatMap { data[fields.fields[$0].name]?.string } ?? "1"
  }
}

extension Flow {
  /// A flow with states and data fields alone.
  fileprivate init(name: String, version: Int, states paths: [String], data: JSON) {
    let location = SourceLocation(file: "", line: 1)
    var states: IndexedList<StateIndex, State> = [State(name: "", path: "", kind: .root, parent: .root, depth: 0)]
    Flow.add(paths.map { $0.split(separator: ".").map(String.init)[...] }, to: .root, of: &states)
    let members = data.members ?? []
    // Fields of states come last.
    let own = members.filter { !$0.name.contains(".") }.map { DataField(name: $0.name, type: .dyn, defaultValue: nil) }
    let inner = members.compactMap { member -> DataField? in
      guard let dot = member.name.lastIndex(of: "."),
        let state = states.indices.first(where: { states[$0].path == member.name[..<dot] })
      else { return nil }
      return DataField(name: member.name, type: .dyn, defaultValue: nil, state: state)
    }
    let fields = own + inner
    self.init(
      name: name, version: version, key: nil, fields: fields, definitions: [], calls: [], keptCount: fields.count,
      frameSize: FrameLayout.firstField + fields.count, invariants: [], states: states, transitions: [], starts: [],
      location: location)
  }

  /// Adds the states of paths below a state. One with several children is parallel.
  private static func add(
    _ paths: [ArraySlice<String>], to parent: StateIndex, of states: inout IndexedList<StateIndex, State>
  ) {
    var names: [String] = []
    for path in paths { if let name = path.first, !names.contains(name) { names.append(name) } }
    let isParallel = parent != .root && names.count > 1
    if isParallel { states[parent].kind = .parallel }
    for name in names {
      let index = states.indices.upperBound
      let outer = states[parent].path
      states.append(
        State(
          name: name, path: outer.isEmpty ? name : outer + "." + name, kind: isParallel ? .region : .plain,
          parent: parent, depth: states[parent].depth + 1))
      states[parent].children.append(index)
      add(paths.filter { $0.first == name }.map { $0.dropFirst() }, to: index, of: &states)
    }
    states[parent].end = states.indices.upperBound
  }
}
