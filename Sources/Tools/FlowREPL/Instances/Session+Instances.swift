import CEL
import FlowIR
import FlowJSON
import FlowMachine
import FlowTesting
import FlowTime

// Several instances in one session, and several points in time of one instance.
extension Session {
  /// The maximum number of instances.
  static let maximumTracks = 100

  /// `text` without a final ` as ID`, and the ID.
  private func named(_ text: String) -> (rest: String, id: String?) {
    let words = text.split(separator: " ").map(String.init)
    guard words.count >= 2, words[words.count - 2] == "as" else { return (text, nil) }
    return (words.dropLast(2).joined(separator: " "), words[words.count - 1])
  }

  private var freeID: String {
    var number = 1
    while tracks.contains(where: { $0.id == "\(number)" }) { number += 1 }
    return "\(number)"
  }

  private mutating func add(_ id: String?, _ make: (String) -> Timeline) -> Reply? {
    guard tracks.count < Session.maximumTracks else { return failure("there are \(tracks.count) instances already") }
    if let id, tracks.contains(where: { $0.id == id }) { return failure("there is an instance `\(id)` already") }
    if let id, id.hasPrefix("#") { return failure("`\(id)` is a step; an ID must not start with `#`") }
    tracks.append(make(id ?? freeID))
    current = tracks.count - 1
    return nil
  }

  mutating func begin(_ text: String) -> Reply {
    guard let machine, let run else { return notLoaded }
    let (name, id) = named(text)
    let names = machine.program.flows.map(\.name)
    let wanted = name.isEmpty ? machine.program.flows[run.flow].name : name
    guard let flow = machine.flow(named: wanted) else {
      return failure("there is no flow `\(wanted)`; there are \(names.joined(separator: ", "))")
    }
    let fresh = VirtualRun(stepper: Stepper(machine), flow: flow, now: run.now)
    if run.instance == nil, id == nil {
      tracks[current] = Timeline(id: tracks[current].id, fresh)
    } else if let problem = add(id, { Timeline(id: $0, fresh) }) {
      return problem
    }
    let node = machine.program.flows[flow]
    let events = node.starts.compactMap(\.event).map { machine.program.events[$0].name }
    return Reply(
      text: node.isCallable
        ? "\(wanted) begins with `:start {…}`" : "\(wanted) starts on \(events.joined(separator: ", "))")
  }

  mutating func fork(_ text: String) -> Reply {
    guard !tracks.isEmpty else { return notLoaded }
    let (step, id) = named(text)
    let origin = tracks[current]
    let found = step.isEmpty ? origin.run : number(step).flatMap { origin.run(at: $0) }
    guard let found else { return failure("there is no step `\(step)`; write `:fork #1`") }
    return add(id) { origin.fork(id: $0, at: found) } ?? Reply(text: "in use: \(tracks[current].id)")
  }

  mutating func use(_ id: String) -> Reply {
    guard let index = tracks.firstIndex(where: { $0.id == id }) else { return noInstance(id) }
    current = index
    return Reply(text: location(of: tracks[current].run))
  }

  mutating func drop(_ id: String) -> Reply {
    guard let index = tracks.firstIndex(where: { $0.id == id }) else { return noInstance(id) }
    guard tracks.count > 1 else { return failure("it is the only instance; `:load` starts a new session") }
    tracks.remove(at: index)
    if current >= index, current > 0 { current -= 1 }
    return Reply(text: "in use: \(tracks[current].id)")
  }

  func list() -> Reply {
    guard !tracks.isEmpty else { return notLoaded }
    let lines = tracks.enumerated().map { index, track in
      "\(index == current ? "*" : " ") \(track.id)  \(location(of: track.run))"
    }
    return Reply(text: lines.joined(separator: "\n"))
  }

  private func noInstance(_ id: String) -> Reply {
    failure("there is no instance `\(id)`; there are \(tracks.map(\.id).joined(separator: ", "))")
  }

  // MARK: - Steps

  /// The number in `#3`.
  private func number(_ text: String) -> Int? { text.hasPrefix("#") ? Int(text.dropFirst()) : nil }

  mutating func goBack(_ text: String) -> Reply {
    guard !tracks.isEmpty else { return notLoaded }
    guard let step = number(text) else { return failure("write `:back #1`; the prompt shows the number of a step") }
    guard tracks[current].go(back: step) else { return failure("there is no step #\(step)") }
    return Reply(text: "at \(prompt.dropLast(2))")
  }

  mutating func mark(_ name: String) -> Reply {
    guard !tracks.isEmpty else { return notLoaded }
    guard !name.isEmpty else {
      let lines = tracks[current].marks.sorted { $0.key < $1.key }.map { "\($0.key)  \(location(of: $0.value))" }
      return Reply(text: lines.isEmpty ? "nothing is marked" : lines.joined(separator: "\n"))
    }
    tracks[current].marks[name] = tracks[current].run
    return Reply(text: "`\(name)` is \(location(of: tracks[current].run))")
  }

  mutating func goToMark(_ name: String) -> Reply {
    guard !tracks.isEmpty else { return notLoaded }
    guard let run = tracks[current].marks[name] else {
      let names = tracks[current].marks.keys.sorted().joined(separator: ", ")
      return failure("nothing is marked `\(name)`" + (names.isEmpty ? "" : "; there are \(names)"))
    }
    tracks[current].go(to: run)
    return Reply(text: "at \(prompt.dropLast(2))")
  }

  // MARK: - Differences

  func showDifference(_ text: String) -> Reply {
    guard let run else { return notLoaded }
    let words = text.split(separator: " ").map(String.init)
    guard (1...2).contains(words.count) else { return failure("write `:diff #1`, `:diff #1 #3` or `:diff ID`") }
    var runs: [VirtualRun] = []
    for word in words {
      guard let found = meant(by: word) else { return failure("there is no step or instance `\(word)`") }
      runs.append(found)
    }
    let (one, other) = (runs[0], runs.count > 1 ? runs[1] : run)
    guard one.flow == other.flow else { return failure("they are instances of different flows") }
    let lines = differences(one, other)
    return Reply(text: lines.isEmpty ? "no difference" : lines.joined(separator: "\n"))
  }

  private func meant(by word: String) -> VirtualRun? {
    if let step = number(word) { return tracks[current].run(at: step) }
    return tracks.first { $0.id == word }?.run
  }

  private func differences(_ one: VirtualRun, _ other: VirtualRun) -> [String] {
    var lines: [String] = []
    func compare(_ name: String, left: String, right: String) {
      if left != right { lines.append("\(name): \(left) → \(right)") }
    }
    func states(_ run: VirtualRun) -> String { run.leafPaths.isEmpty ? "·" : run.leafPaths.joined(separator: ", ") }
    compare("state", left: states(one), right: states(other))
    compare("clock", left: "+\(DurationText.text(one.now - start))", right: "+\(DurationText.text(other.now - start))")
    let machine = one.stepper.machine
    for (index, field) in one.program.flows[one.flow].fields.enumerated() {
      func text(_ run: VirtualRun) -> String {
        run.instance?.value(ofField: index, in: machine)?.json(in: machine.types).text() ?? "unset"
      }
      compare(field.name, left: text(one), right: text(other))
    }
    func work(_ run: VirtualRun) -> String {
      let names = run.outstanding.filter(\.isAwaited).map { machine.name(of: $0.job.target) }
      return names.isEmpty ? "nothing" : names.joined(separator: ", ")
    }
    compare("waits for", left: work(one), right: work(other))
    return lines
  }
}
