import FlowSyntax

// Keywords, clauses and statements.
extension CompletionSource {
  /// The statements of a reaction.
  func statements() -> [CompletionItem] {
    let fields = assignableFields().map { field in
      var made = field
      made.insertion = "\(field.label) = $0"
      made.isSnippet = true
      return made
    }
    let actions = callees(isCall: true).filter { $0.kind == .action }.map { item in
      var later = item
      later.rank = 1
      return later
    }
    return fields + actions + ["take", "emit", "raise", "log"].map { keyword($0, rank: 2) }
  }

  func keyword(_ word: String, rank: Int = 0) -> CompletionItem {
    CompletionItem(word, .keyword, documentation: Vocabulary.keywords[word] ?? "", insertion: word + " ", rank: rank)
  }

  private func snippet(_ label: String, _ text: String, rank: Int = 0) -> CompletionItem {
    CompletionItem(
      label, .snippet, documentation: Vocabulary.keywords[label] ?? "", insertion: text, isSnippet: true, rank: rank)
  }

  /// The ways in which other systems send an event.
  func senders() -> [CompletionItem] {
    [
      snippet("webhook", "webhook { secret env(\"${1:SECRET}\")  header \"${2:X-Signature}\"  hmac sha256 }"),
      snippet("amqp", "amqp \"${1:queue}\""), snippet("redis", "redis \"${1:stream}\""),
    ]
  }

  /// The clauses that may follow what is complete before the cursor.
  func followers() -> [CompletionItem] {
    let order = ["on", "by", "when", "->", "do"]
    let clause = context.clause?.word ?? ""
    let done = order.firstIndex(of: clause) ?? (["after", "every", "at", "cron", "always"].contains(clause) ? 1 : -1)
    guard [.flow, .state].contains(context.block?.kind), done >= 0 || !clause.isEmpty else { return [] }
    if let policies = schedulePolicies(after: clause) { return policies }
    if clause == "call" || clause == "once" || clause == "as" || clause == "undo" || clause == "priority" {
      return ["as", "for", "once", "priority", "undo", "retry", "timeout"].map { keyword($0) }
    }
    return order[max(done + 1, 1)...].map { keyword($0) }
  }

  /// A field list: `,` or a default follows.
  func afterField() -> [CompletionItem] { [] }

  /// The words that may begin a member of the innermost block.
  func blockKeywords() -> [CompletionItem] {
    switch context.block?.kind {
    case nil: fileKeywords
    case .flow: flowKeywords + stateMembers
    case .state: stateKeywords + stateMembers
    case .test: testKeywords
    case .action: actionKeywords
    case .settings:
      ["headers", "body", "to", "subject", "text", "args"].map { CompletionItem($0, .field, insertion: "\($0): ") }
    case .webhook: ["secret", "header", "hmac"].map { keyword($0) }
    case .migration: ["state", "data"].map { keyword($0) }
    default: []
    }
  }

  private var fileKeywords: [CompletionItem] {
    [
      snippet("flow", "flow ${1:Name} {\n  start on ${2:Event} -> ${3:state}\n\n  state ${3:state} {\n    $0\n  }\n}"),
      snippet("event", "event ${1:Name} { $0 }"),
      snippet("type", "type ${1:Name} { $0 }"),
      snippet("enum", "enum ${1:Name} { $0 }"),
      snippet("action", "action ${1:name}($2) {\n  http POST ${3:url} { body: {$0} }\n}"),
      snippet("test", "test \"${1:title}\" {\n  send ${2:Event}\n  expect state ${0:state}\n}"),
      snippet("fn", "fn ${1:name}(${2:x}: ${3:int}) -> ${4:int} = $0"),
    ] + ["import", "role", "const", "internal"].map { keyword($0, rank: 1) }
  }

  private var flowKeywords: [CompletionItem] {
    [
      snippet("start", "start on ${1:Event} -> ${2:state}"),
      snippet("data", "data {\n  $0\n}"),
      snippet("let", "let ${1:name} = $0"),
    ] + ["key", "version", "invariant", "never", "read", "migrate", "event", "ongoing"].map { keyword($0, rank: 1) }
  }

  private var stateKeywords: [CompletionItem] {
    [snippet("call", "call ${1:action}($2) as ${3:name}\non ${3:name}.done -> $0")]
      + ["entry", "exit", "initial", "ignore", "defer", "steps", "rollback", "returns", "ongoing"]
      .map { keyword($0, rank: 1) }
  }

  private var stateMembers: [CompletionItem] {
    [
      snippet("on", "on ${1:Event} -> ${0:state}"),
      snippet("after", "after ${1:1d} -> ${0:state}"),
      snippet("state", "state ${1:name} {\n  $0\n}"),
    ] + ["always", "every", "at", "cron", "parallel", "final", "failed"].map { keyword($0, rank: 1) }
  }

  private var testKeywords: [CompletionItem] {
    let expectations = [
      "state", "data", "called", "emitted", "log", "ended", "not", "ignored", "deferred", "refused", "incident",
    ].map { keyword($0) }
    if context.word(context.last) == "expect" {
      return expectations
        + instances().map { item in
          var later = item
          later.rank = 1
          return later
        }
    }
    if !isAtLineStart, context.expectedFlow(among: names.flows) != nil { return expectations }
    return ["send", "expect", "advance", "mock", "complete", "fail", "start", "at"].map { keyword($0) }
  }

  private var actionKeywords: [CompletionItem] {
    ["http", "email", "worker", "log", "exec", "publish", "redis", "sql"].map { keyword($0) }
      + ["timeout", "retry", "limit", "signed"].map { keyword($0, rank: 1) }
  }
}
