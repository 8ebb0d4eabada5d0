extension Evaluator {
  func regexFunction(_ arguments: Arguments) -> Slot {
    let (text, pattern) = (arguments[0], arguments[1])
    guard text.tag == .string, pattern.tag == .string else { return noOverload(arguments) }
    return withPattern(pattern, text: text) { regex in
      if arguments.builtin == .regexReplace { return replace(arguments, regex) }
      guard regex.groupCount <= 1 else { return fail("the pattern has more than one group") }
      guard arguments.count == 2 else { return noOverload(arguments) }
      return arguments.builtin == .regexExtract ? extract(text, regex) : extractAll(text, regex)
    }
  }

  private func extract(_ text: Slot, _ regex: CompiledPattern) -> Slot {
    guard let bounds = regex.find(in: text.utf8, from: 0), let range = bounds[bounds.count - 1] else { return .none }
    return makeOptional(part(text, range))
  }

  private func extractAll(_ text: Slot, _ regex: CompiledPattern) -> Slot {
    var parts: [Slot] = []
    eachMatch(text, regex: regex, limit: .max) { bounds in
      if let range = bounds[bounds.count - 1] { parts.append(part(text, range)) }
    }
    return makeList(parts)
  }

  /// Calls `body` for matches that do not overlap, from left to right.
  private func eachMatch(_ text: Slot, regex: CompiledPattern, limit: Int64, body: ([Range<Int>?]) -> Void) {
    var start = 0
    var left = limit
    let bytes = text.utf8
    while left > 0, start <= bytes.count, fuel > 0, let bounds = regex.find(in: bytes, from: start),
      let whole = bounds[0]
    {
      body(bounds)
      left -= 1
      // A search may read to the end of the text before it knows that an early match is the first.
      charge(4 + whole.count / 16 + (bytes.count - start) / 1024)
      start = whole.upperBound
      if whole.isEmpty {
        start += 1
        while start < bytes.count, bytes[start] & 0xC0 == 0x80 { start += 1 }
      }
    }
  }

  private func replace(_ arguments: Arguments, _ regex: CompiledPattern) -> Slot {
    let text = arguments[0]
    let template = arguments[2]
    guard template.tag == .string, arguments.count == 3 || arguments[3].tag == .int else {
      return noOverload(arguments)
    }
    guard let pieces = templatePieces(template, groups: regex.groupCount) else {
      return fail("the replacement names a group that the pattern does not have")
    }
    let limit = arguments.count == 4 && arguments[3].asInt >= 0 ? arguments[3].asInt : Int64.max
    let source = text.utf8
    var out: [UInt8] = []
    var copied = 0
    eachMatch(text, regex: regex, limit: limit) { bounds in
      guard let whole = bounds[0], out.count <= limits.valueBytes else { return }
      out += source[copied..<whole.lowerBound]
      for piece in pieces {
        switch piece {
        case .text(let bytes): out += bytes
        case .group(let index): if let range = bounds[index] { out += source[range] }
        }
      }
      copied = whole.upperBound
    }
    guard fuel > 0, out.count <= limits.valueBytes else { return outOfMemory() }
    return makeString(out + source[copied...])
  }

  private enum TemplatePiece {
    case text([UInt8])
    case group(Int)
  }

  /// `\1` denotes a group, `\\` a backslash.
  private func templatePieces(_ template: Slot, groups: Int) -> [TemplatePiece]? {
    var pieces: [TemplatePiece] = []
    var run: [UInt8] = []
    var isEscaped = false
    for byte in template.utf8 {
      if isEscaped {
        isEscaped = false
        if byte >= 0x30, byte <= 0x39 {
          guard Int(byte - 0x30) <= groups else { return nil }
          pieces += [.text(run), .group(Int(byte - 0x30))]
          run = []
        } else if byte == UInt8(ascii: "\\") {
          run.append(byte)
        } else {
          return nil
        }
      } else if byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else {
        run.append(byte)
      }
    }
    return isEscaped ? nil : pieces + [.text(run)]
  }
}
