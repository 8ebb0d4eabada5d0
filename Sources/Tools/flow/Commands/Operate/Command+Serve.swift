import FlowActions
import FlowBrokers
import FlowCompiler
import FlowIR
import FlowJSON
import FlowRuntime
import FlowSource

extension Command {
  static let serve: Command = {
    var command = serving
    command.messageFormat = ServeOptions.messageFormat
    return command
  }()

  private static let serving = Command(
    name: "serve", group: .serve, summary: "Serve flows over HTTP and WebSocket, with a durable store.",
    operands: "PATH…\nIR-FILE", completion: .flowFiles, options: ServeOptions.all + ActionOptions.all,
    example: "flow serve samples/order.flow --addr 127.0.0.1:8080",
    action: { arguments throws(UsageError) in
      guard let configuration = try ServeConfiguration(arguments) else { return ExitCode.findings }
      return ServeCommand.run(configuration)
    })
}

/// The input of `flow serve`: the programs and all settings.
struct ServeConfiguration {
  /// A program to serve.
  struct Served {
    let program: Program
    /// The sources of the program, which the store keeps; empty for an IR file.
    let sources: [SourceText]
  }

  let programs: [Served]
  let options: ServeOptions
  let actions: ActionSettings
  let publications: [Publication]
  /// Warnings about names that nothing declares.
  let warnings: [String]
  /// The operands to deploy again after each change; empty without `--watch`.
  let watchedPaths: [String]

  /// Nil when the program has errors, which have been printed.
  /// - Throws: `UsageError` for invalid options or files, or a setting that the program requires and that is missing.
  init?(_ arguments: CommandArguments) throws(UsageError) {
    guard let first = arguments.operands.first else {
      throw UsageError("`flow serve` requires files or folders", help: "flow serve samples/order.flow")
    }
    let configuration = try Configuration.load(for: first)
    var arguments = arguments
    try arguments.complete(with: configuration.serveOptions, of: .serve)
    options = try ServeOptions(
      arguments, configuration: configuration, defaultStore: ServeConfiguration.storePath(nextTo: first))
    guard !options.isWatching || arguments.operands.allSatisfy({ $0.hasSuffix(".flow") || isFolder($0) }) else {
      throw UsageError("`--watch` requires `.flow` files or folders", help: "name the sources, or omit --watch")
    }
    watchedPaths = options.isWatching ? arguments.operands : []
    if arguments.operands.count == 1, !first.hasSuffix(".flow"), !isFolder(first) {
      guard let program = ServeConfiguration.program(ofIR: first) else { return nil }
      programs = [Served(program: program, sources: [])]
    } else {
      guard let compiled = compileFiles(try namedFiles(arguments.operands)) else { return nil }
      try ServeConfiguration.checkNames(of: compiled)
      programs = compiled.map { Served(program: $0.program, sources: $0.compilation.texts) }
    }
    actions = try ActionOptions.settings(arguments)
    var publications: [Publication] = []
    for settings in configuration.publications { publications.append(try settings.publication(actions)) }
    self.publications = publications
    let served = programs.map(\.program)
    warnings = configuration.publications.flatMap { $0.unknownNames(in: served) }
    if let missing = ProgramRequirements.unmet(by: programs.map(\.program), settings: actions) { throw missing }
  }

  /// - Throws: When two programs have a flow of the same name: addresses and instances could belong to either.
  static func checkNames(of programs: [CompiledProgram]) throws(UsageError) {
    var files: [String: String] = [:]
    for compiled in programs {
      let file = compiled.compilation.sources.files.first?.name ?? ""
      for flow in compiled.program.flows {
        guard let other = files.updateValue(file, forKey: flow.name) else { continue }
        throw UsageError(
          "the flow `\(flow.name)` is declared in the programs `\(other)` and `\(file)`",
          help: "a server serves one flow of a name: rename one, or serve one of the files")
      }
    }
  }

  /// Loads the output of `flow compile`; nil when it is invalid, which has been printed.
  private static func program(ofIR path: String) -> Program? {
    guard let text = readFile(path) else {
      Terminal.error("cannot read `\(path)`")
      return nil
    }
    do throws(JSONError) {
      let json = try JSON(parsing: text)
      do throws(ProgramError) {
        return try Program(json: json)
      } catch {
        Terminal.error("`\(path)` can't be run: \(error.message)")
      }
    } catch {
      Terminal.error("`\(path)` is not an IR file: byte \(error.offset + 1): \(error.message)")
    }
    return nil
  }

  private static func storePath(nextTo file: String) -> String {
    if isFolder(file) { return (file.hasSuffix("/") ? file : file + "/") + "flow.db" }
    return (file.hasSuffix(".flow") ? String(file.dropLast(5)) : file) + ".db"
  }
}

extension Compilation {
  /// The source files in the form that stores keep.
  var texts: [SourceText] {
    sources.files.map { SourceText(name: $0.name, text: String(decoding: $0.text, as: UTF8.self)) }
  }
}
