import CLinux
import Glibc
import SystemPackage

/// A bell that wakes a thread which waits in poll(2): an eventfd(2).
///
/// Rung any number of times before the thread looks, it wakes it once.
package struct EventDescriptor: ~Copyable, Sendable {
  private let descriptor: OwnedDescriptor

  /// - Throws: ``SystemError`` of eventfd(2), e.g. `EMFILE`.
  package init() throws(SystemError) {
    do throws(Errno) {
      descriptor = OwnedDescriptor(owning: try retryingInterrupts { eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK)) })
    } catch {
      throw SystemError("eventfd", nil, error)
    }
  }

  /// What to wait for with ``waitForInput(_:timeout:)``.
  package var raw: CInt { descriptor.raw }

  /// Wakes the thread. Never blocks: a counter that is full is a bell that rings already.
  package func ring() {
    var one: UInt64 = 1
    _ = try? retryingInterrupts { write(descriptor.raw, &one, MemoryLayout<UInt64>.size) }
  }

  /// Silences the bell; to be called before looking at what it was rung for.
  package func silence() {
    var count: UInt64 = 0
    _ = try? retryingInterrupts { read(descriptor.raw, &count, MemoryLayout<UInt64>.size) }
  }
}
