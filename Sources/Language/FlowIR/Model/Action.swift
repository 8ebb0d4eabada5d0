public import CEL

/// Work that is performed outside of the step.
public struct Action: Hashable, Sendable {
  public var name: String
  /// The parameters, in order; their slots are the first of the binding's frame.
  public var parameters: RecordDeclaration
  public var result: ValueType?
  /// The largest size of the result; nil for no bound.
  public var resultMaximum: Int?
  /// The error codes that callers can distinguish.
  public var failures: [String]
  public var binding: Binding
  public var policy: Policy
  /// The environment variables that the binding reads; their slots follow those of the parameters.
  public var environment: [String]
  /// The secret with which requests are signed.
  public var signature: SourcedExpression?
  /// The maximum number of attempts that run at the same time; nil for no limit.
  public var concurrency: ConcurrencyLimit?
  /// A string over the parameters: each value has a rate limit of its own; nil for one limit.
  public var rateKey: SourcedExpression?

  public init(
    name: String, parameters: RecordDeclaration, result: ValueType?, failures: [String], binding: Binding,
    policy: Policy, environment: [String], signature: SourcedExpression? = nil, concurrency: ConcurrencyLimit? = nil,
    rateKey: SourcedExpression? = nil, resultMaximum: Int? = nil
  ) {
    self.name = name
    self.parameters = parameters
    self.result = result
    self.failures = failures
    self.binding = binding
    self.policy = policy
    self.environment = environment
    self.signature = signature
    self.concurrency = concurrency
    self.rateKey = rateKey
    self.resultMaximum = resultMaximum
  }
}

/// The kind of operation of an action, with the expressions of its settings.
public indirect enum Binding: Hashable, Sendable {
  case http(method: String, url: SourcedExpression, headers: SourcedExpression?, body: SourcedExpression?)
  /// An external worker claims the work from a queue.
  case worker(queue: String)
  case log(SourcedExpression)
  /// The other kinds, with their expressions by the name of the setting.
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
  /// True for a `sql` statement that is assembled at run time, so that values could become part of the statement.
  public var isPastedTogether: Bool {
    guard case .other(.sql, let settings) = self else { return false }
    return settings.contains { setting in
      guard setting.name == "statement" else { return false }
      if case .constant = setting.value.tree.kind { return false }
      return true
    }
  }
}

/// The retries, timeouts and limits of an action.
public struct Policy: Hashable, Sendable {
  /// The number of attempts after the first; nil for no limit.
  public var retries: Int?
  /// Codes that are retried; empty for all that are not final.
  public var retryOnly: [String]
  public var firstBackoffMilliseconds: Int64
  public var longestBackoffMilliseconds: Int64
  public var timeoutMilliseconds: Int64
  /// The interpretation of response statuses; the first matching rule applies.
  public var statuses: [StatusRule]
  /// The maximum number of attempts in each period; nil for no limit.
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

extension Policy {
  /// Returns true if a failure is retried as long as attempts are left.
  /// - Parameter isTransient: True for a failure that is retried if the policy names no codes.
  public func isRetried(_ code: String, isTransient: Bool) -> Bool {
    retryOnly.isEmpty ? isTransient : retryOnly.contains(code)
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

/// `limit 4 at once per tenant`
public struct ConcurrencyLimit: Hashable, Sendable {
  public var count: Int
  /// A string over the parameters: each value has a limit of its own; nil for one limit.
  public var key: SourcedExpression?

  public init(count: Int, key: SourcedExpression? = nil) {
    self.count = count
    self.key = key
  }
}

/// `429 -> BUSY`: responses with statuses from `lowest` to `highest` have the failure `code`.
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
