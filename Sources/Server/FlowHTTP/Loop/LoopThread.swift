internal import CEpoll
internal import Glibc

/// A thread of the operating system.
struct LoopThread: Sendable {
  private let thread: pthread_t

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Starts `run` on a thread called `name`; nil when no further threads are available.
  init?(name: String, _ run: @escaping @Sendable () -> Void) {
    // The new thread owns this reference.
    let body = Unmanaged.passRetained(Body(run))
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, body.toOpaque())
    guard result == 0 else {
      body.release()
      return nil
    }
    cepoll_name_thread(thread, name)
    self.thread = thread
  }

  /// Waits for the end of the thread, unless it is the caller.
  func join() {
    if pthread_equal(thread, pthread_self()) == 0 { pthread_join(thread, nil) }
  }
}
