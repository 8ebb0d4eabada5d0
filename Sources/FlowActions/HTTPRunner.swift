public import FlowRuntime

/// Makes the HTTP requests of jobs with libcurl, all on one thread of its own.
public final class HTTPRunner: ActionRunner {
  /// How many requests are under way at once; what comes beyond waits for its turn.
  public static let maximumTransfers = 256

  private let loop = TransferLoop()

  public init() { loop.start() }

  deinit { loop.stop() }

  /// Begins a request. It ends with `BAD_REQUEST` when it can't be sent as it is.
  public func run(_ request: JobRequest, finish: @escaping @Sendable (JobOutcome) -> Void) {
    loop.add(request, finish)
  }

  /// Ends the thread; requests under way are given up, and are made again by whoever finds their jobs.
  public func shutdown() {
    loop.stop()
    loop.waitForEnd()
  }
}
