/// A kind of maintenance of a store.
public enum MaintenanceActivity: CaseIterable, Sendable {
  /// Replaces the table with the oldest idempotency keys.
  case keys
  /// Moves instances that ended long ago to the archive.
  case archive
  /// Moves old entries of running instances to the archive.
  case fold
  /// Removes records that have outlived their time.
  case expiry
  /// Returns unused space to the file system.
  case space
}

/// A store that is maintained in pieces of a few milliseconds, which the engine's thread fits between batches.
public protocol MaintainedStore: AnyObject {
  /// The progress between two calls of `maintain`.
  var rotation: MaintenanceRotation { get set }

  /// Prepares the store for the next piece.
  /// - Throws: `.fatal` when the process has to stop.
  func beginMaintenance() throws(StoreError)

  /// Runs one piece of an activity.
  /// - Parameter now: Milliseconds since 1970.
  /// - Returns: True if there was something to do; false for activities that the store does not need.
  func run(
    _ activity: MaintenanceActivity, at now: Int64, _ result: inout MaintenanceResult
  ) throws(StoreError) -> Bool

  /// Completes maintenance when nothing is due and no requests are waiting.
  func settleMaintenance() throws(StoreError)

  /// The instant of the next piece that is not due yet, and the age of the oldest that is, in milliseconds.
  func nextMaintenance(after now: Int64) throws(StoreError) -> (due: Int64?, lag: Int64)
}

/// The activities in rotation, so that none is starved.
public struct MaintenanceRotation: Sendable {
  private var position = 0

  public init() {}

  fileprivate mutating func next() -> MaintenanceActivity {
    let all = MaintenanceActivity.allCases
    defer { position = (position + 1) % all.count }
    return all[position]
  }
}

extension MaintainedStore {
  /// Runs one small piece of maintenance: of the first activity in the rotation that has something to do.
  /// - Parameter now: Milliseconds since 1970.
  /// - Parameter isIdle: True if no requests are waiting, so that all due work may be done.
  /// - Throws: `.fatal` when the process has to stop; any other failure of a piece is a warning of the result.
  public func maintain(now: Int64, isIdle: Bool) throws(StoreError) -> MaintenanceResult {
    try beginMaintenance()
    var result = MaintenanceResult()
    for _ in MaintenanceActivity.allCases {
      do throws(StoreError) {
        if try run(rotation.next(), at: now, &result) {
          result.hasMore = true
          break
        }
      } catch {
        if case .fatal = error { throw error }
        result.warning = error.message
      }
    }
    if isIdle, !result.hasMore { try settleMaintenance() }
    (result.nextDue, result.lag) = try nextMaintenance(after: now)
    return result
  }
}

/// The result of one piece of maintenance.
public struct MaintenanceResult: Hashable, Sendable {
  public var hasMore: Bool
  /// The numbers of the instances that were archived.
  public var archived: [Int64]
  /// The instant at which the next piece is due, in milliseconds since 1970; nil for never.
  public var nextDue: Int64?
  /// The age of the oldest piece that is due, in milliseconds.
  public var lag: Int64
  /// The reason why a piece failed and has to be retried; nil without a failure.
  public var warning: String?

  public init(
    hasMore: Bool = false, archived: [Int64] = [], nextDue: Int64? = nil, lag: Int64 = 0, warning: String? = nil
  ) {
    self.hasMore = hasMore
    self.archived = archived
    self.nextDue = nextDue
    self.lag = lag
    self.warning = warning
  }
}
