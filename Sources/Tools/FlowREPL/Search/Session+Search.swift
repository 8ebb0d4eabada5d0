import CEL
import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowJSON
import FlowMachine
import FlowSource
import FlowTesting

// Searches for sequences of inputs.
extension Session {
  /// The number of random runs that search for a path beyond the depth of the exhaustive search.
  static let pathRuns = 2000

  /// The goal and the depth of a search.
  private struct Search {
    var text: String
    var isGoal: (VirtualRun) -> Bool
    /// The state, if the goal is a state.
    var state: StateIndex?
    var depth: Int
  }

  func showPath(_ text: String) -> Reply {
    search(text, command: "path") { search, answer, origin in
      switch answer {
      case .found(let moves): return way(moves, origin)
      case .none(let situations, _) where origin.instance != nil:
        return failure("there is no way to `\(search.text)` in \(search.depth) moves, of \(situations) situations")
      case .givenUp(let situations, let depth) where origin.instance != nil:
        return failure(
          "\(situations) situations, up to \(depth) moves away, are not `\(search.text)`; the search was stopped")
      case .none(let situations, _), .givenUp(let situations, _):
        if let state = search.state, let moves = randomWay(to: state, origin) { return way(moves, origin) }
        return failure("none of \(situations) situations and \(Session.pathRuns) random runs is `\(search.text)`")
      }
    }
  }

  func showNever(_ text: String) -> Reply {
    search(text, command: "never") { search, answer, origin in
      switch answer {
      case .found(let moves):
        var reply = way(moves, origin)
        reply.text =
          "\(style.paint("there is a way", .red)), \(moves.count) \(moves.count == 1 ? "move" : "moves"):\n"
          + reply.text
        reply.isError = true
        return reply
      case .none(let situations, let isComplete):
        let all =
          isComplete
          ? "all \(situations) situations that were found" : "\(situations) situations, \(search.depth) moves"
        return Reply(
          text: "never in \(all)", result: ["situations": .int(Int64(situations)), "complete": .bool(isComplete)])
      case .givenUp(let situations, let depth):
        return Reply(text: "never in \(situations) situations, \(depth) moves; then it was given up")
      }
    }
  }

  private func search(
    _ text: String, command: String, reply: (Search, BoundedSearch.Answer, VirtualRun) -> Reply
  ) -> Reply {
    guard let run else { return notLoaded }
    switch goal(text, command: command, run: run) {
    case .failure(let problem): return failure(problem.message)
    case .success(let found):
      var search = BoundedSearch(from: run)
      let answer = search.run(depth: found.depth, isGivenUp: world.isInterrupted, isGoal: found.isGoal)
      return reply(found, answer, run)
    }
  }

  /// `STATE|EXPRESSION [--depth N]`
  private func goal(_ text: String, command: String, run: VirtualRun) -> Result<Search, InputProblem> {
    var goal = text
    var depth = BoundedSearch.usualDepth
    if let range = text.lastRange(of: "--depth") {
      guard let number = Int(String(text[range.upperBound...]).trimmed), number > 0 else {
        return .failure(InputProblem(message: "`--depth` takes a number of moves"))
      }
      depth = number
      goal = String(text[..<range.lowerBound]).trimmed
    }
    guard !goal.isEmpty else { return .failure(InputProblem(message: "write `:\(command) STATE` or an expression")) }
    let states = run.program.flows[run.flow].states
    if let state = states.indices.dropFirst().first(where: { states[$0].path == goal || states[$0].name == goal }) {
      let isThere = { (run: VirtualRun) in run.instance?.active.contains(state) ?? false }
      return .success(Search(text: goal, isGoal: isThere, state: state, depth: depth))
    }
    let compiled = compileExpression(goal)
    guard let expression = compiled.expression else {
      let guess = Suggestion.closest(to: goal, among: states.dropFirst().map(\.path)).first
      return .failure(
        InputProblem(
          message: guess.map { "there is no state `\(goal)`, did you mean `\($0)`?" } ?? problem(compiled).text))
    }
    guard expression.tree.type == .bool else {
      return .failure(
        InputProblem(message: "`\(goal)` is neither a state nor a bool, but has type `\(expression.tree.type)`"))
    }
    let holds = { (run: VirtualRun) in
      guard run.instance != nil else { return false }
      return (try? run.stepper.evaluate(expression, over: run.instance, now: run.now).get()) == .bool(true)
    }
    return .success(Search(text: goal, isGoal: holds, state: nil, depth: depth))
  }

  private func randomWay(to state: StateIndex, _ origin: VirtualRun) -> [RunInput]? {
    guard let simulation = try? Simulation(origin.program, flow: origin.flow) else { return nil }
    return simulation.path(to: state, runs: Session.pathRuns, seed: 1, isGivenUp: world.isInterrupted)
  }

  /// The inputs as commands of the session.
  private func way(_ moves: [RunInput], _ origin: VirtualRun) -> Reply {
    let lines = moves.map { $0.sessionLine(in: origin.stepper.machine) }
    return Reply(
      text: lines.isEmpty ? "it is so already" : lines.joined(separator: "\n"),
      result: ["lines": .array(lines.map { .string($0) })])
  }
}
