import CLinux
import Glibc
import SystemPackage

/// A thread of its own for a loop that waits in the kernel; whoever starts it joins it.
///
/// All signals are blocked on it: they are for the main thread and the signal sources.
package struct NamedThread: ~Copyable, Sendable {
  private let handle: pthread_t

  /// Starts a thread that runs `body` and ends with it.
  ///
  /// - Parameters:
  ///   - name: What `top -H` and debuggers show: at most 15 bytes, see prctl(2).
  ///   - body: The whole life of the thread.
  /// - Throws: ``SystemError`` of pthread_create(3): `EAGAIN` when there are too many threads.
  package init(_ name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
    let task = Unmanaged.passRetained(Body(name: name, run: body))
    var every = sigset_t()
    var before = sigset_t()
    sigfillset(&every)
    pthread_sigmask(SIG_SETMASK, &every, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var handle = pthread_t()
    let result = pthread_create(
      &handle, nil,
      { argument in
        guard let argument else { return nil }
        let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
        _ = clinux_name_thread(body.name)
        body.run()
        return nil
      }, task.toOpaque())
    guard result == 0 else {
      task.release()
      throw SystemError("pthread_create", nil, Errno(rawValue: result))
    }
    self.handle = handle
  }

  /// Waits until the thread has ended. Only to be called when its body is known to be ending.
  package consuming func join() {
    pthread_join(handle, nil)
  }

  private final class Body: Sendable {
    let name: String
    let run: @Sendable () -> Void

    init(name: String, run: @escaping @Sendable () -> Void) {
      self.name = name
      self.run = run
    }
  }
}
