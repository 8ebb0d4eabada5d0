public import CEL

/// Work that is done outside of the step.
public struct Action: Hashable, Sendable {
  public var name: String
  /// The parameters, in order; they take the first slots of the binding's frame.
  public var parameters: RecordDeclaration
  public var result: ValueType?
  /// The error codes that a caller can tell apart.
  public var failures: [String]
  public var binding: Binding
  public var policy: Policy
  /// The environment variables that the binding reads; they take the slots behind the parameters.
  public var environment: [String]
  /// The secret with which requests are signed.
  public var signature: SourcedExpression?

  public init(
    name: String, parameters: RecordDeclaration, result: ValueType?, failures: [String], binding: Binding,
    policy: Policy, environment: [String], signature: SourcedExpression? = nil
  ) {
    self.name = name
    self.parameters = parameters
    self.result = result
    self.failures = failures
    self.binding = binding
    self.policy = policy
    self.environment = environment
    self.signature = signature
  }
}

/// What an action does, with the expressions that say it in detail.
public indirect enum Binding: Hashable, Sendable {
  case http(method: String, url: SourcedExpression, headers: SourcedExpression?, body: SourcedExpression?)
  /// An outside program claims the work from a queue.
  case worker(queue: String)
  case log(SourcedExpression)
  /// The others: what they do, and their expressions by the name of the setting.
  case other(kind: Kind, settings: [Setting])

  public enum Kind: String, Hashable, Sendable { case email, publish, redis, sql, exec }

  public struct Setting: Hashable, Sendable {
    public var name: String
    public var value: SourcedExpression

    public init(name: String, value: SourcedExpression) {
      self.name = name
      self.value = value
    }
  }
}

extension Binding {
  /// Whether it is a statement of `sql` that is put together when it runs: values could become part of it.
  public var isPastedTogether: Bool {
    guard case .other(.sql, let settings) = self else { return false }
    return settings.contains { setting in
      guard setting.name == "statement" else { return false }
      if case .constant = setting.value.tree.kind { return false }
      return true
    }
  }
}

/// How often and how long an action is tried.
public struct Policy: Hashable, Sendable {
  /// Tries after the first one; nil is for ever.
  public var retries: Int?
  /// Codes worth another try; empty means all that are not final.
  public var retryOnly: [String]
  public var firstBackoffMilliseconds: Int64
  public var longestBackoffMilliseconds: Int64
  public var timeoutMilliseconds: Int64
  /// What statuses mean; the first that fits counts.
  public var statuses: [StatusRule]
  /// At most so many in each period.
  public var limit: RateLimit?

  public init(
    retries: Int? = 0, retryOnly: [String] = [], firstBackoffMilliseconds: Int64 = 1000,
    longestBackoffMilliseconds: Int64 = 300_000, timeoutMilliseconds: Int64 = 30_000, statuses: [StatusRule] = [],
    limit: RateLimit? = nil
  ) {
    self.retries = retries
    self.retryOnly = retryOnly
    self.firstBackoffMilliseconds = firstBackoffMilliseconds
    self.longestBackoffMilliseconds = longestBackoffMilliseconds
    self.timeoutMilliseconds = timeoutMilliseconds
    self.statuses = statuses
    self.limit = limit
  }
}

/// `limit 10 per 1s`
public struct RateLimit: Hashable, Sendable {
  public var count: Int
  public var periodMilliseconds: Int64

  public init(count: Int, periodMilliseconds: Int64) {
    self.count = count
    self.periodMilliseconds = periodMilliseconds
  }
}

/// `429 -> BUSY`: the answers from `lowest` to `highest` mean `code`.
public struct StatusRule: Hashable, Sendable {
  public var lowest: Int
  public var highest: Int
  public var code: String

  public init(lowest: Int, highest: Int, code: String) {
    self.lowest = lowest
    self.highest = highest
    self.code = code
  }
}
