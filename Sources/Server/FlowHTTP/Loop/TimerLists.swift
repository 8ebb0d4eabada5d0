/// The running timers of all slots: one list per interval, so that the first entry of each list is the next to expire.
struct TimerLists {
  private struct Entry {
    var list = -1
    var due = 0
    var previous = -1
    var next = -1
  }

  private var entries: [Entry] = []
  private var heads = Array(repeating: -1, count: HTTPConnection.Timer.allCases.count)
  private var tails = Array(repeating: -1, count: HTTPConnection.Timer.allCases.count)

  /// Replaces the timer of `slot`; the new deadline of a list is never before its last.
  mutating func set(_ slot: Int, to deadline: (timer: HTTPConnection.Timer, milliseconds: Int)?) {
    while entries.count <= slot { entries.append(Entry()) }
    let list = deadline?.timer.rawValue ?? -1
    if entries[slot].list == list, entries[slot].due == deadline?.milliseconds ?? 0 { return }
    unlink(slot)
    guard let deadline else { return }
    entries[slot] = Entry(list: list, due: deadline.milliseconds, previous: tails[list], next: -1)
    if tails[list] >= 0 { entries[tails[list]].next = slot } else { heads[list] = slot }
    tails[list] = slot
  }

  /// The instant at which the next timer expires.
  var nextDue: Int? {
    var result: Int?
    for head in heads where head >= 0 { result = min(result ?? .max, entries[head].due) }
    return result
  }

  /// Removes and returns one slot whose timer has expired.
  mutating func popDue(now: Int) -> Int? {
    for head in heads where head >= 0 && entries[head].due <= now {
      unlink(head)
      return head
    }
    return nil
  }

  private mutating func unlink(_ slot: Int) {
    let entry = entries[slot]
    guard entry.list >= 0 else { return }
    if entry.previous >= 0 { entries[entry.previous].next = entry.next } else { heads[entry.list] = entry.next }
    if entry.next >= 0 { entries[entry.next].previous = entry.previous } else { tails[entry.list] = entry.previous }
    entries[slot] = Entry()
  }
}
