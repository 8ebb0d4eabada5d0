import CEL
import FlowIR

/// A `cron` whose schedule or time zone depends on data.
struct DataSchedule: Sendable {
  let transition: Int32
  /// The data fields that its expressions read; empty if they read anything else, and have no value outside of the
  /// state.
  let fields: [Int]
}

extension LoadedFlow {
  static func dataSchedules(of flow: Flow) -> [DataSchedule] {
    let own = FrameLayout.firstField..<(FrameLayout.firstField + flow.ownFields.count)
    return flow.transitions.indices.compactMap { index in
      guard case .cron(let cron) = flow.transitions[index].trigger else { return nil }
      let slots = cron.expressions.reduce(into: Set<Int>()) { $0.formUnion($1.tree.usedSlots) }
      guard slots.contains(where: { $0 >= FrameLayout.firstField }) else { return nil }
      let fields = slots.allSatisfy(own.contains) ? slots.map { $0 - FrameLayout.firstField } : []
      return DataSchedule(transition: Int32(index), fields: fields.sorted())
    }
  }
}
