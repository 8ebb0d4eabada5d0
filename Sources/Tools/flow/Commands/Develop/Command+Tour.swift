import CPages
import FlowCompiler
import FlowIR
import FlowTesting
import Glibc

extension Command {
  static let tour = Command(
    name: "tour", group: .develop, summary: "Learn the language in lessons of one screen, each with an exercise.",
    operands: "[NUMBER]", completion: .none, options: [TourOptions.output], example: "flow tour 1",
    action: { arguments throws(UsageError) in
      let lessons = TourLesson.all
      guard let word = arguments.operands.first else {
        Terminal.output(TourLesson.contents(lessons))
        return ExitCode.success
      }
      guard arguments.operands.count == 1, let number = Int(word), lessons.indices.contains(number - 1) else {
        throw UsageError("`\(word)` is not a lesson", help: "the lessons are 1 to \(lessons.count)")
      }
      let lesson = lessons[number - 1]
      if let path = arguments[TourOptions.output] { return try lesson.write(to: path) }
      Terminal.output(lesson.text + "\n")
      let result = try lesson.run()
      Terminal.output("\n" + lesson.advice + "\n")
      return result
    })
}

/// The options of `flow tour`.
private enum TourOptions {
  static let output = Option.text(
    "output", "FILE", short: "o", help: "write the lesson to FILE, for its exercise", completion: .files)
}

/// A lesson: a flow with its tests, whose documentation comment is the text.
struct TourLesson {
  /// From 1.
  let number: Int
  /// The name of the file without its number, such as `states`.
  let name: String
  let text: String

  /// The lessons in their order.
  static let all: [TourLesson] = {
    var count = 0
    let files = UnsafeBufferPointer(start: cpages_template_files(&count), count: count)
    return files.filter { String(cString: $0.template_name) == "tour" }.enumerated().map { index, file in
      let bytes = UnsafeRawBufferPointer(start: file.contents, count: file.length)
      let path = String(cString: file.path)
      return TourLesson(
        number: index + 1, name: String(path.dropFirst("00-".count).dropLast(".flow".count)),
        text: String(decoding: bytes, as: UTF8.self))
    }
  }()

  /// The table of contents.
  static func contents(_ lessons: [TourLesson]) -> String {
    lessons.map { "\($0.number < 10 ? " " : "")\($0.number)  \($0.name)\n" }.joined()
      + "next: flow tour 1\n"
  }

  /// The commands for the exercise and for the next lesson.
  var advice: String {
    let file = "\(name).flow"
    let next = number < TourLesson.all.count ? "; next: flow tour \(number + 1)" : ""
    return "exercise: flow tour \(number) --output \(file) && flow test \(file)\(next)"
  }

  /// Writes the lesson to a new file.
  func write(to path: String) throws(UsageError) -> Int32 {
    guard access(path, F_OK) != 0 else { throw UsageError("`\(path)` already exists", help: "choose another file") }
    guard writeFile(path, Array(text.utf8)) else { throw UsageError("cannot write `\(path)`") }
    Terminal.output("created \(path)\nnext: edit it, and run flow test \(path)\n")
    return ExitCode.success
  }

  /// Runs the tests of the lesson and prints their report.
  func run() throws(UsageError) -> Int32 {
    let path = "\(name).flow"
    let compilation = compile(path) { $0 == path ? Array(text.utf8) : nil }
    guard let program = compilation.program else {
      printFindings(of: compilation)
      return ExitCode.findings
    }
    do throws(ProgramError) {
      let runner = try TestRunner(program, style: Terminal.outputStyle)
      let reports = compilation.tests.map { runner.run($0) }
      Terminal.output(renderPretty(reports, style: Terminal.outputStyle, isTraced: false))
      return reports.allSatisfy(\.hasPassed) ? ExitCode.success : ExitCode.findings
    } catch {
      throw UsageError(error.message)
    }
  }
}
