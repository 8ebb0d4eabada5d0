import FlowRuntime

// The checksums of rows: over all columns except the newest entry of an instance, which `check` verifies separately.

extension JournalEntry {
  func sum(body: [UInt8], previous: Int64) -> Int64 {
    var sum = Checksum()
    sum.add(sequence)
    sum.add(instance)
    sum.add(revision)
    sum.add(kind.rawValue)
    sum.add(at)
    sum.add(previous)
    sum.add(body)
    return sum.value
  }
}

extension InstanceRow {
  /// - Parameter definition: The number of the program in the store.
  func sum(definition: Int64) -> Int64 {
    var sum = Checksum()
    sum.add(id)
    sum.add(flow)
    sum.add(key)
    sum.add(definition)
    sum.add(status.rawValue)
    sum.add(revision)
    sum.add(startedAt)
    sum.add(updatedAt)
    sum.add(position)
    sum.add(data)
    sum.add(incident)
    return sum.value
  }
}

extension InstanceSnapshot {
  /// - Parameter definition: The number of the program in the store.
  func sum(definition: Int64) -> Int64 {
    var sum = Checksum()
    sum.add(instance)
    sum.add(sequence)
    sum.add(at)
    sum.add(definition)
    sum.add(status.rawValue)
    sum.add(revision)
    sum.add(startedAt)
    sum.add(position)
    sum.add(data)
    return sum.value
  }
}

extension JobRow {
  var sum: Int64 {
    var sum = Checksum()
    addWork(to: &sum)
    sum.add(call ?? -1)
    sum.add(due.stored)
    sum.add(lease)
    sum.add(fence)
    sum.add(worker ?? "")
    sum.add(deadline)
    sum.add(outcome)
    return sum.value
  }

  fileprivate func addWork(to sum: inout Checksum) {
    for number in [id, instance, Int64(revision), Int64(number), Int64(attempt), origin, Int64(epoch)] {
      sum.add(number)
    }
    for text in [action, queue ?? "", once ?? ""] { sum.add(text) }
    sum.add(arguments)
    sum.add(failures)
  }
}

extension DeadRow {
  var sum: Int64 {
    var sum = Checksum()
    job.addWork(to: &sum)
    sum.add(at)
    sum.add(code)
    sum.add(message)
    return sum.value
  }
}
