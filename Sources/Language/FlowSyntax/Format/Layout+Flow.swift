import CEL

extension Layout {
  mutating func flow() -> Doc {
    var parts = [simple()]
    if at(.leftParen) { parts.append(parameters()) }
    if at(.arrow) { parts += [.space, takeWord(), typeReference()] }
    parts += [.space, block(isShort: false) { $0.flowMember() }]
    return .concat(parts)
  }

  private mutating func flowMember() -> Doc {
    switch word {
    case "version", "key": return simple()
    case "data": return .concat([takeWord(), fields()])
    case "let": return definition()
    case "event", "internal": return event()
    case "read" where isWord(peek(), "by") || isWord(peek(), "when"): return readRule()
    case "invariant": return .concat([takeWord(), expression()])
    case "never": return never()
    case "migrate": return migration()
    case "start": return start()
    default: return isAtProperty ? property() : member()
    }
  }

  /// `a.b leads to c`
  private mutating func property() -> Doc { .concat([path(), .space, takeWord(), takeWord(), path()]) }

  /// True if `a.b leads to c` is at the cursor.
  private var isAtProperty: Bool {
    var distance = 1
    while peek(distance).kind == .dot { distance += 2 }
    return at(.identifier) && isWord(peek(distance), "leads")
  }

  /// `read by ROLES when CONDITION`
  private mutating func readRule() -> Doc {
    var parts = [take()]
    if at("by") { parts += [.space, takeWord(), names()] }
    if at("when") { parts += [.space, takeWord(), expression()] }
    return .concat(parts)
  }

  private mutating func never() -> Doc {
    var parts = [takeWord(), path()]
    while at("and") { parts += [.space, takeWord(), path()] }
    return .concat(parts)
  }

  private mutating func migration() -> Doc {
    let head = Doc.concat([takeWord(), takeWord(), takeWord()])
    let body = block { layout in
      layout.at("data") ? layout.definition() : .concat([layout.takeWord(), layout.path(), .space, layout.target()])
    }
    return .concat([head, body])
  }

  /// `-> path`
  private mutating func target() -> Doc { .concat([takeWord(), path()]) }

  private mutating func start() -> Doc {
    var head = [take()]
    switch word {
    case "on":
      head += [.space, takeWord(), names()]
      if at("again") { head += [.space, take()] }
    case "every", "cron": head += [.space, trigger()]
    default: break
    }
    return reaction(.concat(head))
  }

  // MARK: - States

  /// A member of a state, or one that flows and states have in common.
  mutating func member() -> Doc {
    switch word {
    case "initial", "state", "parallel", "region", "final", "failed": state()
    case "entry", "exit": .concat([takeWord(), acts()])
    case "call": call()
    case "steps": .concat([takeWord(), block { $0.step() }])
    case "rollback", "ongoing": take()
    case "returns": .concat([takeWord(), expression()])
    case "ignore", "defer": .concat([takeWord(), names()])
    case "on", "always", "after", "every", "at", "cron": reaction(trigger())
    default: take()
    }
  }

  private mutating func state() -> Doc {
    var parts: [Doc] = []
    if at("initial") { parts.append(takeWord()) }
    let isParallel = at("parallel")
    parts.append(takeWord())
    if isParallel, at("state") { parts.append(takeWord()) }
    parts.append(take())
    if at("returns") {
      parts += [.space, takeWord(), expression()]
    } else if at(.leftBrace) {
      parts += [.space, block { $0.member() }]
    }
    return .concat(parts)
  }

  private mutating func call() -> Doc {
    var head = [takeWord(), path(), arguments()]
    if at("as") { head += [.space, simple()] }
    var rest: [Doc] = []
    appendLoop(to: &rest)
    return modified(.group(.concat([.concat(head), .hang(4, .concat(rest))])))
  }

  private mutating func step() -> Doc {
    let head = Doc.concat([take(), takeWord(), path(), arguments()])
    var rest: [Doc] = []
    if at("after") { rest += [.line(1), takeWord(), names()] }
    appendLoop(to: &rest)
    if at("when") { rest += [.line(1), takeWord(), expression()] }
    return modified(.group(.concat([head, .hang(4, .concat(rest))])))
  }

  /// `for x in list limit n`
  private mutating func appendLoop(to parts: inout [Doc]) {
    if at("for") { parts += [.line(1), loop()] }
    if at("limit") { parts += [.line(1), takeWord(), expression()] }
  }

  mutating func loop() -> Doc { .concat([takeWord(), takeWord(), takeWord(), expression()]) }

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
      case "once": part = .concat([takeWord(), expression()])
      case "undo": part = .concat([takeWord(), path(), arguments()])
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
