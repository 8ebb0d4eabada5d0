import FlowMachine
public import FlowTesting

extension Session {
  /// How a session speaks.
  public struct Settings {
    /// Replies are objects, one a line.
    public var isJSON = false
    /// How much is said of a step.
    public var trace = StepText.Trace.steps
    /// Time passes by itself.
    public var isClockReal = false
    public var isColoured: Bool
  }

  /// A setting with its words; the first one is what it is at first.
  private static let choices: [(name: String, words: [String])] = [
    ("format", ["pretty", "json"]), ("trace", StepText.Trace.allCases.map(\.rawValue)),
    ("clock", ["virtual", "real"]), ("color", ["on", "off"]),
  ]

  static var settingNames: [String] { choices.map(\.name) }

  static func words(ofSetting name: String) -> [String] { choices.first { $0.name == name }?.words ?? [] }

  private func word(_ name: String) -> String {
    switch name {
    case "format": settings.isJSON ? "json" : "pretty"
    case "trace": settings.trace.rawValue
    case "clock": settings.isClockReal ? "real" : "virtual"
    default: settings.isColoured ? "on" : "off"
    }
  }

  mutating func set(_ text: String) -> Reply {
    let words = text.split(separator: " ").map(String.init)
    guard let name = words.first else {
      let lines = Session.choices.map { "\($0.name) \(word($0.name))  (\($0.words.joined(separator: ", ")))" }
      return Reply(text: lines.joined(separator: "\n"))
    }
    let known = Session.words(ofSetting: name)
    guard !known.isEmpty else {
      return failure("there is no setting `\(name)`; there are \(Session.settingNames.joined(separator: ", "))")
    }
    guard words.count == 2, known.contains(words[1]) else {
      return failure("`\(name)` is one of \(known.joined(separator: ", "))")
    }
    switch name {
    case "format": settings.isJSON = words[1] == "json"
    case "trace": settings.trace = StepText.Trace(rawValue: words[1]) ?? .steps
    case "clock": settings.isClockReal = words[1] == "real"
    default: settings.isColoured = words[1] == "on"
    }
    return Reply(text: "")
  }
}

// With a real clock, the clock of the instance in use goes on by itself.
extension Session {
  /// What the clock of the instance in use shows now.
  private var clock: Int64? {
    guard settings.isClockReal, let anchor else { return nil }
    return anchor.own.addingClamped(max(world.now() - anchor.real, 0))
  }

  /// How long it is until a timer fires by itself; nil when none will.
  public var millisecondsToTimer: Int64? {
    guard let clock, let timer = run?.nextTimer else { return nil }
    return max(timer.due - clock, 0)
  }

  /// Lets the time that has passed be seen; what happened meanwhile, or nil.
  public mutating func catchUp() -> String? {
    guard let clock, var run, clock > run.now else { return nil }
    let happenings = advance(&run, to: clock)
    if happenings.isEmpty { tracks[current].drift(to: run) } else { tracks[current].go(to: run) }
    compareClocks()
    return happenings.isEmpty ? nil : describe(happenings)
  }

  mutating func compareClocks() {
    anchor = settings.isClockReal ? run.map { (world.now(), $0.now) } : nil
  }
}
