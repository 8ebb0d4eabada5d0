import FlowJSON
import FlowMachine

// A repeated request receives the answer of the first.
extension Engine {
  /// The namespace of a command's idempotency key: its sender, and the instance or flow of the command.
  func scope(of command: EventCommand) -> String {
    let target: String
    if let flow = command.flow {
      target = command.key.map { "\(flow)/\($0)" } ?? flow
    } else {
      // The first flow stays the first when others are deployed.
      target = catalogue.reached(by: command.event).first.map { "events \($0.name)" } ?? "events"
    }
    return command.sender.isEmpty ? target : "\(target)\n\(command.sender)"
  }

  /// A digest of the request, which distinguishes a repeated request from another with the same key.
  func digest(of command: EventCommand) -> Int64 {
    var bytes = Array(command.event.utf8)
    bytes.append(0)
    command.payload.write(to: &bytes, .canonical)
    return Int64(bitPattern: bytes.fnv1a)
  }

  /// The recorded answer for an idempotency key; nil for a new key.
  func recordedAnswer(to key: String, scope: String, digest: Int64) throws(EngineProblem) -> EventAnswer? {
    guard let row = try idempotencyRow(key, scope: scope) else { return nil }
    guard row.digest == digest else { throw .idempotencyReused }
    // The entry is archived with its instance; a repeated event is then answered with `gone`.
    guard let entry = try entry(row.sequence) else { return nil }
    guard var answer = EventAnswer(entry) else {
      throw .storeUnavailable("the answer to this key can't be given again")
    }
    answer.replayed = true
    return answer
  }

  private func entry(_ sequence: Int64) throws(EngineProblem) -> JournalEntry? {
    if let entry = batch.entry(sequence) { return entry }
    guard let entry = read({ () throws(StoreError) in try store.entry(sequence: sequence) }) else {
      throw .storeUnavailable("the answer to this key can't be read")
    }
    return entry
  }

  private func idempotencyRow(_ key: String, scope: String) throws(EngineProblem) -> IdempotencyRow? {
    if let fresh = batch.answer(IdempotencyName(scope: scope, key: key)) { return fresh }
    guard let known = read({ () throws(StoreError) in try store.answer(scope: scope, key: key) }) else {
      throw .storeUnavailable("the answers to earlier keys could not be read")
    }
    return known
  }

  func record(_ answer: EventAnswer, scope: String, key: String, digest: Int64) {
    batch.add(
      IdempotencyRow(scope: scope, key: key, digest: digest, sequence: answer.sequence, at: world.now()))
  }
}
