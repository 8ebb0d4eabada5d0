import FlowMachine

/// The instances of a system by their names, in the order of their first start.
struct MemberTable {
  private(set) var names: [VirtualSystem.Name] = []
  private var rows: [VirtualSystem.Member] = []
  private var positions: [VirtualSystem.Name: Int] = [:]

  /// The position of an instance; nil when it has not started.
  func position(of name: VirtualSystem.Name) -> Int? {
    // One instance is the most frequent case.
    if names.count <= 1 { return names.first == name ? 0 : nil }
    return positions[name]
  }

  /// An instance by its position, without a copy.
  subscript(position: Int) -> VirtualSystem.Member {
    @inline(__always) _read { yield rows[position] }
    @inline(__always) _modify { yield &rows[position] }
  }

  subscript(name: VirtualSystem.Name) -> VirtualSystem.Member? { position(of: name).map { rows[$0] } }

  /// Returns true if the instance runs.
  func isRunning(_ name: VirtualSystem.Name) -> Bool {
    position(of: name).map { rows[$0].instance.status == .running } ?? false
  }

  /// The last revision of an instance; 0 before its first start.
  func revision(of name: VirtualSystem.Name) -> Int { position(of: name).map { rows[$0].instance.revision } ?? 0 }

  /// Adds an instance, or replaces the one of that name.
  mutating func set(_ member: VirtualSystem.Member, for name: VirtualSystem.Name) {
    if let position = position(of: name) {
      rows[position] = member
    } else {
      positions[name] = rows.count
      names.append(name)
      rows.append(member)
    }
  }

  /// The instant at which the next timer is due, in milliseconds since 1970.
  var nextTimer: Int64? {
    var next: Int64?
    for position in rows.indices {
      for timer in rows[position].instance.timers where timer.due < next ?? .max { next = timer.due }
    }
    return next
  }
}
