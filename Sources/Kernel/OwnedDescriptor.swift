import CLinux
import Glibc
import SystemPackage

/// A file descriptor with one owner, closed when its owner goes.
package struct OwnedDescriptor: ~Copyable, Sendable {
  /// The number that the kernel knows it by; valid as long as this value lives.
  package let raw: CInt

  /// Takes over `raw`, which the caller must not close any more.
  package init(owning raw: CInt) {
    self.raw = raw
  }

  deinit {
    close(raw)
  }

  /// The same descriptor for swift-system's calls; it must not outlive this value.
  package var descriptor: FileDescriptor { FileDescriptor(rawValue: raw) }
}

/// Calls `body` again as long as a signal interrupts it; see signal(7).
///
/// - Throws: the error number of the call that failed.
package func retryingInterrupts<T: FixedWidthInteger>(_ body: () -> T) throws(Errno) -> T {
  while true {
    let result = body()
    if result != -1 { return result }
    let saved = Errno(rawValue: errno)
    if saved != .interrupted { throw saved }
  }
}
