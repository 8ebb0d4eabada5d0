/// Pending output for a peer: bytes for this peer only, then frames shared with others.
struct OutputBuffer {
  /// The number of queued bytes.
  private(set) var count = 0

  private var own: [UInt8] = []
  private var ownStart = 0
  private var frames: [EncodedFrame] = []
  private var firstFrame = 0
  private var frameStart = 0

  /// The capacity above which an emptied buffer is released.
  private static let keptCapacity = 64 * 1024

  var isEmpty: Bool { count == 0 }

  /// Writes bytes for this peer; only before the first frame.
  mutating func write(_ body: (inout [UInt8]) -> Void) {
    let before = own.count
    body(&own)
    count += own.count - before
  }

  mutating func append(_ frame: EncodedFrame) {
    frames.append(frame)
    count += frame.bytes.count
  }

  /// Removes all but the partly sent frame, so that the next one starts at its end.
  mutating func dropUnsentFrames() {
    let kept = frameStart > 0 ? firstFrame + 1 : firstFrame
    for frame in frames[kept...] { count -= frame.bytes.count }
    frames.removeSubrange(kept...)
  }

  /// Copies as many bytes as fit to `target`, without removing them, and returns their number.
  func gather(into target: UnsafeMutableBufferPointer<UInt8>) -> Int {
    var filled = Self.copy(own, from: ownStart, to: target, at: 0)
    var start = frameStart
    for index in firstFrame..<frames.count where filled < target.count {
      filled += Self.copy(frames[index].bytes, from: start, to: target, at: filled)
      start = 0
    }
    return filled
  }

  // One write of gathered bytes is cheaper than a list of pointers that must outlive each array's borrow.
  private static func copy(
    _ bytes: [UInt8], from start: Int, to target: UnsafeMutableBufferPointer<UInt8>, at filled: Int
  ) -> Int {
    let fitting = min(bytes.count - start, target.count - filled)
    bytes.withUnsafeBufferPointer { source in
      guard fitting > 0, let from = source.baseAddress, let to = target.baseAddress else { return }
      (to + filled).update(from: from + start, count: fitting)
    }
    return fitting
  }

  /// Removes the first `sent` bytes.
  mutating func consume(_ sent: Int) {
    count -= sent
    var rest = sent
    let ofOwn = min(rest, own.count - ownStart)
    ownStart += ofOwn
    rest -= ofOwn
    while rest > 0 {
      let ofFrame = min(rest, frames[firstFrame].bytes.count - frameStart)
      frameStart += ofFrame
      rest -= ofFrame
      if frameStart == frames[firstFrame].bytes.count {
        firstFrame += 1
        frameStart = 0
      }
    }
    compact()
  }

  private mutating func compact() {
    if ownStart == own.count {
      own.removeAll(keepingCapacity: own.capacity <= Self.keptCapacity)
      ownStart = 0
    } else if ownStart > Self.keptCapacity, ownStart > own.count / 2 {
      own.removeFirst(ownStart)
      ownStart = 0
    }
    if firstFrame == frames.count {
      frames.removeAll(keepingCapacity: frames.count <= 1024)
      firstFrame = 0
    } else if firstFrame > 1024, firstFrame > frames.count / 2 {
      frames.removeFirst(firstFrame)
      firstFrame = 0
    }
  }
}
