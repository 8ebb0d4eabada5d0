import FlowIR
import FlowJSON
import FlowMachine

// Instances and their programs, from the cache or the store.
extension Engine {
  /// The instance with its row; nil when it does not exist.
  func load(_ id: InstanceID) throws(EngineProblem) -> Cached? {
    if let cached = cache.find(id) { return cached }
    guard let found = read({ () throws(StoreError) in try store.instance(flow: id.flow, key: id.key) }) else {
      throw .storeUnavailable("the instance could not be read")
    }
    return try found.map { row throws(EngineProblem) in try restore(row) }
  }

  /// The instance of a row, by its number.
  func load(row id: Int64) throws(EngineProblem) -> Cached? {
    if let cached = cache.find(row: id) { return cached }
    guard let found = read({ () throws(StoreError) in try store.instance(id: id) }) else {
      throw .storeUnavailable("the instance could not be read")
    }
    return try found.map { row throws(EngineProblem) in try restore(row) }
  }

  private func restore(_ row: InstanceRow) throws(EngineProblem) -> Cached {
    let version = try version(row.definition)
    do {
      let position = try JSON(parsing: row.position)
      let data = try JSON(parsing: row.data)
      guard let flow = version.machine.flow(named: row.flow) else {
        throw ProgramError("the flow `\(row.flow)` is not in its program")
      }
      let header = InstanceHeader(
        flow: flow, key: row.key, status: row.status.machineStatus, revision: row.revision, startedAt: row.startedAt)
      let rows = try position.refersToItems ? store.items(instance: row.id) : []
      let instance = try version.stepper.restore(header, position: position, data: data, items: rows.documents())
      let job = position[Engine.callingJob]?.int.map { Int64($0) }
      let cached = Cached(
        row: row, instance: instance, version: version, job: job, hasStoredItems: !position.containsItems)
      cache.store(cached)
      return cached
    } catch let error as ProgramError {
      throw .storeUnavailable(error.message)
    } catch let error as StoreError {
      batch.failure = error
      throw .storeUnavailable("the instance could not be read")
    } catch {
      throw .storeUnavailable("the stored instance `\(row.key)` can't be read")
    }
  }

  /// The program with a hash, loaded when needed.
  func version(_ hash: String) throws(EngineProblem) -> Version {
    if let known = deployments[hash] { return known }
    do {
      guard let text = read({ () throws(StoreError) in try store.definition(hash: hash) }) ?? nil else {
        throw ProgramError("its program is not in the store")
      }
      let program = try Program(json: JSON(parsing: text))
      let version = Version(hash: hash, machine: try Machine(program))
      deployments.add(version)
      restoreThrottles(of: version.machine)
      restoreSlots(of: version.machine)
      return version
    } catch {
      throw .storeUnavailable("an instance runs the program \(hash.prefix(12)), which can't be loaded")
    }
  }

  /// Stores the new state of an instance in the cache and the batch.
  func update(_ cached: Cached) {
    cache.store(cached)
    batch.writes.instances[cached.row.id] = cached.row
  }

  /// The row of an instance that a step starts: a new one, or that of an earlier run under the same key.
  /// - Parameter job: The job of the call that starts it, if its key is an argument.
  func newInstance(
    _ id: InstanceID, _ step: Step, in version: Version, replacing old: Cached?, job: Int64? = nil
  ) -> Cached {
    if old == nil { batch.counters.instance += 1 }
    let now = step.next.startedAt
    let row = InstanceRow(
      id: old?.row.id ?? batch.counters.instance, flow: id.flow, key: id.key, definition: version.hash,
      status: .running, revision: 0, startedAt: now, updatedAt: now, position: [], data: [])
    if old == nil { batch.writes.created.insert(row.id) }
    return Cached(row: row, instance: step.next, version: version, job: job)
  }
}
