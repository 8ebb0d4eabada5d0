import FlowJSON
import FlowRuntime
import Synchronization

/// The newest records of the audit log, for operators to see without access to the file.
final class AuditTrail: Sendable {
  /// The number of records that are kept; the log has all of them.
  static let maximumRecords = 1_000

  /// The oldest at `next`, once the buffer is full.
  private struct State {
    var records: [JSON] = []
    var next = 0
  }

  private let state = Mutex(State())

  /// - Parameter instant: Milliseconds since 1970.
  func add(_ fields: [JSON.Member], at instant: Int64) {
    let record = JSON.object([.init("at", .string(timeText(instant)))] + fields)
    state.withLock { state in
      if state.records.count < AuditTrail.maximumRecords {
        state.records.append(record)
      } else {
        state.records[state.next] = record
        state.next = (state.next + 1) % AuditTrail.maximumRecords
      }
    }
  }

  /// The newest records, the newest first.
  func newest(_ limit: Int) -> [JSON] {
    state.withLock { state in
      Array((state.records[state.next...] + state.records[..<state.next]).suffix(limit).reversed())
    }
  }
}
