import FlowIDE
import FlowRuntime
import Synchronization

/// The checked sources of programs for hovers, by the hash of the program.
final class ProgramViewCache: Sendable {
  /// The maximum number of cached programs.
  private static let maximumKept = 4

  /// A program view is for one thread at a time.
  private let views = Mutex<[(hash: String, view: ProgramView)]>([])

  /// Calls a function with the view of a program.
  /// - Complexity: That of a check for the first question about a program.
  func ask<Answer: Sendable>(
    hash: String, files: [SourceText], _ question: (ProgramView) -> Answer
  ) -> Answer {
    views.withLock { views in
      if let known = views.firstIndex(where: { $0.hash == hash }) {
        views.append(views.remove(at: known))
      } else {
        if views.count == ProgramViewCache.maximumKept { views.removeFirst() }
        views.append((hash, ProgramView(files: files.map { ($0.name, Array($0.text.utf8)) })))
      }
      return question(views[views.count - 1].view)
    }
  }
}
