import Foundation
import Synchronization

/// Runs a closure on a number of threads concurrently, and returns the results in the order of their indices.
func sideBySide<Answer: Sendable>(
  _ count: Int, _ work: @escaping @Sendable (Int) throws -> Answer
) throws -> [Answer] {
  let answers = Answers<Answer>(count: count)
  let group = DispatchGroup()
  for index in 0..<count {
    group.enter()
    Thread {
      answers.note(Result { try work(index) }, at: index)
      group.leave()
    }.start()
  }
  group.wait()
  return try answers.all()
}

private final class Answers<Answer: Sendable>: Sendable {
  private let results: Mutex<[Result<Answer, any Error>?]>

  init(count: Int) { results = Mutex(Array(repeating: nil, count: count)) }

  func note(_ result: Result<Answer, any Error>, at index: Int) { results.withLock { $0[index] = result } }

  func all() throws -> [Answer] { try results.withLock { $0 }.compactMap { try $0?.get() } }
}
