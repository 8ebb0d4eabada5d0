import Dispatch
import FlowRuntime
import Synchronization

/// How much is in the store, counted anew only now and then: counting reads every instance that runs.
final class Figures: Sendable {
  struct Values: Sendable {
    var population: [Population]
    var extent: StoreExtent
  }

  /// How long a count is good for, in nanoseconds.
  static let freshNanoseconds: UInt64 = 5_000_000_000

  private struct Kept {
    var values: Values
    var nanoseconds: UInt64
  }

  private let reader: Reader
  private let kept = Mutex<Kept?>(nil)

  init(_ queries: any Queries) { reader = Reader(queries) }

  func read(_ completion: @escaping @Sendable (Result<Values, StoreError>) -> Void) {
    reader.read { [self] queries in
      let now = DispatchTime.now().uptimeNanoseconds
      if let kept = kept.withLock({ $0 }), now < kept.nanoseconds + Figures.freshNanoseconds {
        return completion(.success(kept.values))
      }
      do throws(StoreError) {
        let values = Values(population: try queries.population(flow: nil), extent: try queries.extent())
        kept.withLock { $0 = Kept(values: values, nanoseconds: now) }
        completion(.success(values))
      } catch {
        completion(.failure(error))
      }
    }
  }
}
