/// A random program that compiles without errors, determined by the arguments.
/// - Parameter size: The approximate number of states of each flow; it scales all other parts as well.
public func generateProgram(seed: UInt64, size: Int) -> String {
  var writer = ProgramWriter(seed: seed, size: max(size, 1), prefix: "")
  writer.writeDeclarations()
  writer.writeCalledFlow()
  writer.writeFlow()
  writer.writeTest()
  return writer.text
}

/// A project of approximately this number of lines: files that import one another, and `main.flow`, which imports all.
public func generateProject(lines: Int, seed: UInt64 = 1) -> [(path: String, text: String)] {
  var files: [(path: String, text: String)] = []
  var count = 0
  var writers: [ProgramWriter] = []
  while count < lines {
    let index = files.count
    var writer = ProgramWriter(seed: seed &+ UInt64(index), size: 8, prefix: "f\(index)")
    if let earlier = writers.isEmpty ? nil : writers[index / 2] {
      writer.add("import \"f\(index / 2).flow\"")
      writer.adopt(earlier)
    }
    writer.writeDeclarations()
    while writer.lineCount < 280 {
      writer.writeCalledFlow()
      writer.writeFlow()
      writer.writeTest()
    }
    count += writer.lineCount
    files.append(("f\(index).flow", writer.text))
    writers.append(writer)
  }
  let imports = files.map { "import \"\($0.path)\"" }.joined(separator: "\n")
  return [("main.flow", imports + "\n")] + files
}
