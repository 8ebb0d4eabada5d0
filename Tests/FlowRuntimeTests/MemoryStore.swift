import FlowRuntime

/// A store in memory that can be made to fail.
final class MemoryStore: Store {
  var instances: [Int64: InstanceRow] = [:]
  var journal: [JournalEntry] = []
  var answers: [ExactText: IdempotencyRow] = [:]
  var timers: [TimerID: Int64] = [:]
  var items: [ItemID: ItemRow] = [:]
  /// The bytes of the documents that were written, and the number of job rows that were read by instance.
  var writtenBytes = 0
  var jobsRead = 0
  var jobs: [Int64: JobRow] = [:]
  var dead: [Int64: DeadRow] = [:]
  var once: [ExactText: OnceRow] = [:]
  var definitions: [String: [UInt8]] = [:]
  var deployed: [String: DeploymentRow] = [:]
  var scheduled: [ScheduleID: ScheduleRow] = [:]
  var tombstones: [InstanceName: Tombstone] = [:]
  var throttles: [String: [UInt8]] = [:]
  var lastJob: Int64 = 0
  var identity = ""
  var commits = 0
  var completions: [Int64: CompletionRow] = [:]
  var served: Set<String> = []
  var bulk: [Int64: [UInt8]] = [:]
  /// The number of instances of a page at most.
  var largestPage = Int.max
  /// The error of the next commit; used once.
  var nextCommitFails: StoreError?
  /// Called before every commit.
  var beforeCommit: () -> Void = {}
  /// Planted bugs.
  var forgetsAnswers = false
  var losesTimers = false
  var losesJobs = false
  var losesItems = false
  var losesPages = false
  var losesTurns = false
  var forgetsPriorities = false
  var losesLeases = false
  var forgetsThrottles = false
  /// The timers of each instance.
  var timersByInstance: [Int64: Set<TimerID>] { Dictionary(grouping: timers.keys, by: \.instance).mapValues(Set.init) }
  /// The error of every read.
  var readingFails: StoreError?

  func commit(_ batch: StoreBatch) throws(StoreError) {
    beforeCommit()
    if let failure = nextCommitFails {
      nextCommitFails = nil
      throw failure
    }
    commits += 1
    for row in batch.instances.values {
      if let old = instances[row.id], old.revision > row.revision || batch.created.contains(row.id) {
        throw .fatal("another process has written to the store")
      }
      instances[row.id] = row
    }
    for entry in batch.journal {
      guard entry.sequence == Int64(journal.count) + 1 else { throw .fatal("the journal has a hole") }
      journal.append(entry)
    }
    for row in batch.answers where !forgetsAnswers { answers[ExactText("\(row.scope)\n\(row.key)")] = row }
    for (id, document) in batch.items where !losesItems || id.index != 1 {
      items[id] = document.map { ItemRow(id: id, document: $0) }
    }
    count(batch)
    for (id, due) in batch.timers where !losesTimers || id.armed % 7 != 3 { timers[id] = due }
    for id in batch.jobsRemoved { jobs[id] = nil }
    jobs.merge(batch.jobs.filter { !losesJobs || $0.key % 5 != 3 }) { $1 }
    if forgetsPriorities { for id in batch.jobs.keys { jobs[id]?.priority = 0 } }
    for id in batch.deadRemoved { dead[id] = nil }
    for row in batch.dead { dead[row.job.id] = row }
    for row in batch.deployments { deployed[row.flow] = row }
    scheduled.merge(batch.schedules) { $1 }
    for (key, row) in batch.once { once[key] = row.isForgotten && row.generation == 0 ? nil : row }
    for row in batch.completions { completions[row.job] = row }
    for row in batch.versions { served.insert("\(row.flow) \(row.definition)") }
    bulk.merge(batch.bulk) { $1 }
    definitions.merge(batch.definitions) { $1 }
    for (name, spent) in batch.throttles where !forgetsThrottles { throttles[name] = spent.isEmpty ? nil : spent }
    if batch.lastJob != 0 { lastJob = batch.lastJob }
    if let name = batch.identity { identity = name }
  }

  private func count(_ batch: StoreBatch) {
    for row in batch.instances.values { writtenBytes += row.position.count + row.data.count }
    for document in batch.items.values { writtenBytes += document?.count ?? 0 }
    for row in batch.jobs.values { writtenBytes += row.arguments.count + row.outcome.count }
    for entry in batch.journal {
      var body: [UInt8] = []
      entry.writeBody(to: &body)
      writtenBytes += body.count
    }
  }

  private func read<Answer>(_ answer: Answer) throws(StoreError) -> Answer {
    if let readingFails { throw readingFails }
    return answer
  }

  func instance(flow: String, key: String) throws(StoreError) -> InstanceRow? {
    try read(instances.values.first { ExactText($0.flow) == ExactText(flow) && ExactText($0.key) == ExactText(key) })
  }

  func instance(id: Int64) throws(StoreError) -> InstanceRow? { try read(instances[id]) }

  func runningInstances(
    of flow: String, after: Int64, upTo last: Int64, limit: Int, visiting visits: Int
  ) throws(StoreError) -> InstancePage {
    let live = instances.values.filter { !$0.status.hasEnded && $0.id > after && $0.id <= last }.map(\.id).sorted()
    let visited = live.prefix(visits)
    let ids = visited.filter { instances[$0]?.flow == flow }
    let end = visited.count < live.count ? visited.last : nil
    var page = InstancePage([(ids, end)], limit: min(limit, largestPage))
    if losesPages { page.end = nil }
    return try read(page)
  }

  func tombstone(flow: String, key: String) throws(StoreError) -> Tombstone? {
    try read(tombstones[InstanceName(flow: flow, key: key)])
  }

  func items(instance: Int64) throws(StoreError) -> [ItemRow] {
    try read(items.values.filter { $0.id.instance == instance }.sorted { $0.id < $1.id })
  }

  func dead(id: Int64) throws(StoreError) -> DeadRow? { try read(dead[id]) }

  func deadMessages() throws(StoreError) -> [Int64] {
    try read(dead.values.filter { $0.job.instance == 0 }.map(\.job.id).sorted())
  }

  func deployments() throws(StoreError) -> [DeploymentRow] { try read(Array(deployed.values)) }

  func schedules() throws(StoreError) -> [ScheduleRow] { try read(Array(scheduled.values)) }

  func answer(scope: String, key: String) throws(StoreError) -> IdempotencyRow? {
    try read(answers[ExactText("\(scope)\n\(key)")])
  }

  func entry(sequence: Int64) throws(StoreError) -> JournalEntry? {
    try read(journal.first { $0.sequence == sequence })
  }

  func once(key: String) throws(StoreError) -> OnceRow? { try read(once[ExactText(key)]) }

  func dueTimers(at now: Int64, limit: Int) throws(StoreError) -> [TimerRow] {
    let due = timers.filter { $0.value <= now }.map { TimerRow(id: $0.key, due: $0.value) }
    return try read(Array(due.sorted { ($0.due, $0.id.instance) < ($1.due, $1.id.instance) }.prefix(limit)))
  }

  func nextTimer(after now: Int64) throws(StoreError) -> Int64? { try read(timers.values.filter { $0 > now }.min()) }

  func dueJobs(queue: String?, at now: Int64, limit: Int) throws(StoreError) -> [JobRow] {
    let due = jobs.values.filter { $0.queue == queue && $0.due <= .at(now) && $0.lease == 0 }
    return try read(Array(due.sorted { (-$0.priority, $0.due, $0.id) < (-$1.priority, $1.due, $1.id) }.prefix(limit)))
  }

  func dueJobs(
    queue: String, of flows: Set<String>, at now: Int64, limit: Int
  ) throws(StoreError) -> [JobRow] {
    let owners = Dictionary(grouping: instances.values, by: \.id).compactMapValues { $0.first?.flow }
    let due = try dueJobs(queue: queue, at: now, limit: .max).filter {
      owners[$0.instance].map(flows.contains) ?? false
    }
    return Array(due.prefix(limit))
  }

  func job(id: Int64) throws(StoreError) -> JobRow? { try read(jobs[id]) }

  func jobs(instance: Int64) throws(StoreError) -> [JobRow] {
    let rows = jobs.values.filter { $0.instance == instance }.sorted { $0.id < $1.id }
    jobsRead += rows.count
    return try read(rows)
  }

  func jobs(once key: String) throws(StoreError) -> [JobRow] {
    try read(jobs.values.filter { $0.once == key }.sorted { $0.id < $1.id })
  }

  func waitingJobs(after number: Int64, limit: Int) throws(StoreError) -> [JobRow] {
    guard !losesTurns else { return [] }
    let waiting = jobs.values.filter { $0.id > number && $0.due == .onTurn }
    return try read(Array(waiting.sorted { $0.id < $1.id }.prefix(limit)))
  }

  func nextJob(after now: Int64) throws(StoreError) -> Int64? {
    try read(jobs.values.filter { $0.queue == nil }.compactMap(\.due.instant).filter { $0 > now }.min())
  }

  func throttle(action: String) throws(StoreError) -> [UInt8]? { try read(throttles[action]) }

  func countJobs(action: String, upTo last: Int64, due now: Int64, limit: Int) throws(StoreError) -> Int {
    let own = jobs.values.filter { $0.queue == nil && $0.outcome.isEmpty && $0.action == action }
    return try read(min(own.filter { $0.id <= last && $0.due <= .at(now) }.count, limit))
  }

  func definition(hash: String) throws(StoreError) -> [UInt8]? { try read(definitions[hash]) }

  func counters() throws(StoreError) -> StoreCounters {
    try read(
      StoreCounters(
        sequence: Int64(journal.count), instance: instances.keys.max() ?? 0, job: lastJob, identity: identity))
  }

  var rotation = MaintenanceRotation()

  func beginMaintenance() throws(StoreError) { try read(()) }

  func run(
    _ activity: MaintenanceActivity, at now: Int64, _ result: inout MaintenanceResult
  ) throws(StoreError) -> Bool { false }

  func settleMaintenance() throws(StoreError) {}

  func nextMaintenance(after now: Int64) throws(StoreError) -> (due: Int64?, lag: Int64) { (nil, 0) }

  func verify() throws(StoreError) {}

  func expiredLeases(at now: Int64, limit: Int) throws(StoreError) -> [JobRow] {
    if losesLeases, now == .max { return [] }
    let expired = jobs.values.filter { $0.lease > 0 && $0.lease <= now }
    return try read(Array(expired.sorted { ($0.lease, $0.id) < ($1.lease, $1.id) }.prefix(limit)))
  }

  func nextLease(after now: Int64) throws(StoreError) -> Int64? {
    try read(jobs.values.map(\.lease).filter { $0 > now }.min())
  }

  func nextJob(queue: String, after now: Int64) throws(StoreError) -> Int64? {
    try read(jobs.values.filter { $0.queue == queue }.compactMap(\.due.instant).filter { $0 > now }.min())
  }

  func completion(job: Int64) throws(StoreError) -> CompletionRow? { try read(completions[job]) }

  func wasServed(flow: String, definition: String) throws(StoreError) -> Bool {
    try read(served.contains("\(flow) \(definition)"))
  }
}

/// The flow and key of an instance.
struct InstanceName: Hashable {
  var flow: String
  var key: String
}
