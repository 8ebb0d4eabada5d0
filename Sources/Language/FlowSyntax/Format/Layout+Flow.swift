import CEL

extension Layout {
  mutating func flow() -> Doc {
    var parts = [simple()]
    if at(.leftParen) { parts.append(parameters()) }
    if at(.arrow) { parts += [.space, nextWord(), typeReference()] }
    parts += [.space, block(isShort: false) { $0.flowMember() }]
    return .concat(parts)
  }

  private mutating func flowMember() -> Doc {
    switch word {
    case "version": return simple()
    case "key": return key()
    case "data": return .concat([nextWord(), fields()])
    case "let": return definition()
    case "event", "internal": return event()
    case "read" where isWord(peek(), "by") || isWord(peek(), "when"): return readRule()
    case "invariant": return .concat([nextWord(), expression()])
    case "never": return never()
    case "migrate": return migration()
    case "start": return start()
    default: return isAtProperty ? property() : member()
    }
  }

  /// `key FIELD for DURATION`, `key FIELD forever`
  private mutating func key() -> Doc {
    let head = simple()
    if at("for") { return .concat([head, .space, nextWord(), duration()]) }
    if at("forever"), !isAtProperty { return .concat([head, .space, next()]) }
    return head
  }

  /// `a.b leads to c`
  private mutating func property() -> Doc { .concat([path(), .space, nextWord(), nextWord(), path()]) }

  /// True if `a.b leads to c` is at the cursor.
  private var isAtProperty: Bool {
    var distance = 1
    while peek(distance).kind == .dot { distance += 2 }
    return at(.identifier) && isWord(peek(distance), "leads")
  }

  /// `read by ROLES when CONDITION`
  private mutating func readRule() -> Doc {
    var parts = [next()]
    if at("by") { parts += [.space, nextWord(), names()] }
    if at("when") { parts += [.space, nextWord(), expression()] }
    return .concat(parts)
  }

  private mutating func never() -> Doc {
    var parts = [nextWord(), path()]
    while at("and") { parts += [.space, nextWord(), path()] }
    return .concat(parts)
  }

  private mutating func migration() -> Doc {
    let head = Doc.concat([nextWord(), nextWord(), nextWord()])
    let body = block { layout in
      layout.at("data")
        ? .concat([layout.nextWord(), layout.path(), .space, layout.nextWord(), .group(layout.expression())])
        : .concat([layout.nextWord(), layout.path(), .space, layout.target()])
    }
    return .concat([head, body])
  }

  /// `-> path`
  private mutating func target() -> Doc { .concat([nextWord(), path()]) }

  private mutating func start() -> Doc {
    var head = [next()]
    switch word {
    case "on":
      head += [.space, nextWord(), names()]
      if at("again") { head += [.space, next()] }
    case "every", "cron": head += [.space, trigger()]
    default: break
    }
    while at("overlap") || at("catchup") { head += [.space, nextWord(), next()] }
    return reaction(.concat(head))
  }

  // MARK: - States

  /// A member of a state, or one that flows and states have in common.
  mutating func member() -> Doc {
    switch word {
    case "initial", "state", "parallel", "region", "final", "failed": state()
    case "entry", "exit": .concat([nextWord(), statements()])
    case "call": call()
    case "steps": .concat([nextWord(), block { $0.step() }])
    case "rollback", "ongoing": next()
    case "returns": .concat([nextWord(), expression()])
    case "ignore", "defer": .concat([nextWord(), names()])
    case "on", "always", "after", "every", "at", "cron": reaction(trigger())
    default: next()
    }
  }

  private mutating func state() -> Doc {
    var parts: [Doc] = []
    if at("initial") { parts.append(nextWord()) }
    let isParallel = at("parallel")
    parts.append(nextWord())
    if isParallel, at("state") { parts.append(nextWord()) }
    parts.append(next())
    if at(.leftParen) { parts.append(parameters()) }
    if at("returns") {
      parts += [.space, nextWord(), expression()]
    } else if at(.leftBrace) {
      parts += [.space, block { $0.member() }]
    }
    return .concat(parts)
  }

  private mutating func call() -> Doc {
    var head = [nextWord(), path(), arguments()]
    if at("as") { head += [.space, simple()] }
    var rest: [Doc] = []
    appendLoop(to: &rest)
    return modified(.group(.concat([.concat(head), .hang(4, .concat(rest))])))
  }

  private mutating func step() -> Doc {
    let head = Doc.concat([next(), nextWord(), path(), arguments()])
    var rest: [Doc] = []
    if at("after") { rest += [.line(1), nextWord(), names()] }
    appendLoop(to: &rest)
    if at("when") { rest += [.line(1), nextWord(), expression()] }
    return modified(.group(.concat([head, .hang(4, .concat(rest))])))
  }

  /// `for x in list limit n`
  private mutating func appendLoop(to parts: inout [Doc]) {
    if at("for") { parts += [.line(1), loop()] }
    if at("limit") { parts += [.line(1), nextWord(), expression()] }
  }

  mutating func loop() -> Doc { .concat([nextWord(), nextWord(), nextWord(), expression()]) }

  /// A call with its clauses: on the same line if the author had them there and they fit, otherwise one per line.
  private mutating func modified(_ head: Doc) -> Doc {
    var parts: [Doc] = []
    var isBroken = false
    while true {
      let isOnNewLine = hasNewlineBefore
      let part: Doc
      switch word {
      case "retry": part = retry()
      case "timeout": part = timeout()
      case "once", "priority": part = .concat([nextWord(), expression()])
      case "undo": part = .concat([nextWord(), path(), arguments()])
      default:
        if parts.isEmpty { return head }
        let doc = Doc.concat([head, .indent(2, .concat(parts.flatMap { [isBroken ? .hardLine : .line(1), $0] }))])
        return isBroken ? doc : .group(doc)
      }
      isBroken = isBroken || isOnNewLine
      parts.append(part)
    }
  }
}
