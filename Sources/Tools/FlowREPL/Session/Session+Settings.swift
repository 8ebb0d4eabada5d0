import FlowMachine
public import FlowTesting

extension Session {
  /// The settings of a session's output and clock.
  public struct Settings {
    /// True to reply with JSON objects, one per line.
    public var isJSON = false
    /// The level of detail of steps.
    public var trace = StepText.Trace.steps
    /// True to advance the clock in real time.
    public var isClockReal = false
    public var isColoured: Bool
  }

  /// A setting with its values; the first one is the default.
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

// With a real clock, the clock of the current instance advances in real time.
extension Session {
  /// The current time of the instance's clock.
  private var clock: Int64? {
    guard settings.isClockReal, let anchor else { return nil }
    return anchor.own.addingClamped(max(world.now() - anchor.real, 0))
  }

  /// The milliseconds until the next timer fires in real time; nil without a timer.
  public var millisecondsToTimer: Int64? {
    guard let clock, let timer = run?.nextTimer else { return nil }
    return max(timer.due - clock, 0)
  }

  /// Advances the instance to the current time; returns the steps as text, or nil when there were none.
  public mutating func catchUp() -> String? {
    guard let clock, var run, clock > run.now else { return nil }
    let runEvents = advance(&run, to: clock)
    if runEvents.isEmpty { tracks[current].drift(to: run) } else { tracks[current].go(to: run) }
    compareClocks()
    return runEvents.isEmpty ? nil : describe(runEvents)
  }

  mutating func compareClocks() {
    anchor = settings.isClockReal ? run.map { (world.now(), $0.now) } : nil
  }
}
