import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import Foundation

/// A program that may be run, with all that it is given.
struct OutgoingProgram {
  var path: String
  var folder: String
  var arguments: [String]
  var environment: [String]
  var input: [UInt8]

  /// - Parameter folder: Where the programs are that the operator allows.
  init(_ request: JobRequest, folder: String?, environment: [String: String]) throws(RequestProblem) {
    guard case .other(.exec, let settings) = request.action else {
      throw RequestProblem(message: "this action is no program")
    }
    guard let folder, let home = OutgoingProgram.realPath(folder) else {
      throw RequestProblem(message: "the operator allows no programs; `flow serve --allow-exec DIR` does")
    }
    let name = settings["program"]?.string ?? ""
    guard !name.isEmpty, !name.contains("/"), name != ".", name != "..", !name.utf8.contains(0),
      // A link that leads out of the folder leads to another program.
      let path = OutgoingProgram.realPath(home + "/" + name), path.hasPrefix(home + "/"),
      !path.dropFirst(home.count + 1).contains("/"), OutgoingProgram.isProgram(path)
    else { throw RequestProblem(message: "there is no program of that name in the folder of allowed programs") }
    let arguments = (settings["args"]?.array ?? []).compactMap(\.string)
    guard arguments.allSatisfy({ !$0.utf8.contains(0) }) else {
      throw RequestProblem(message: "an argument of the program has a zero byte in it")
    }
    self.path = path
    self.folder = home
    self.arguments = [name] + arguments
    self.environment =
      environment.map { "\($0.key)=\($0.value)" }.sorted() + ["FLOW_IDEMPOTENCY_KEY=\(request.idempotencyKey)"]
    guard !request.idempotencyKey.utf8.contains(0) else {
      throw RequestProblem(message: "the key of the instance has a zero byte in it")
    }
    input = (settings["input"] ?? .null).bytes()
  }

  private static func realPath(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }

  private static func isProgram(_ path: String) -> Bool {
    var facts = stat()
    return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
  }
}
