import Dispatch
import FlowRuntime
import Synchronization

/// The contents of the store, counted periodically: counting reads every running instance.
final class StoreStatistics: Sendable {
  struct Values: Sendable {
    var population: [InstanceCounts]
    var extent: StoreSize
    var schedules: [ScheduleRow]
  }

  /// The time for which a count is valid, in nanoseconds.
  static let freshNanoseconds: UInt64 = 5_000_000_000

  private struct Kept {
    var values: Values
    var nanoseconds: UInt64
  }

  private let reader: QueryQueue
  private let kept = Mutex<Kept?>(nil)

  init(_ queries: any Queries) { reader = QueryQueue(queries) }

  func read(_ completion: @escaping @Sendable (Result<Values, StoreError>) -> Void) {
    reader.read { [self] queries in
      let now = DispatchTime.now().uptimeNanoseconds
      if let kept = kept.withLock({ $0 }), now < kept.nanoseconds + StoreStatistics.freshNanoseconds {
        return completion(.success(kept.values))
      }
      do throws(StoreError) {
        let values = Values(
          population: try queries.population(flow: nil), extent: try queries.extent(),
          schedules: try queries.schedules())
        kept.withLock { $0 = Kept(values: values, nanoseconds: now) }
        completion(.success(values))
      } catch {
        completion(.failure(error))
      }
    }
  }
}
