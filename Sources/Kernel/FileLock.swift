import CLinux
import Glibc
import SystemPackage

/// A lock between processes on a file that is there for nothing else, see flock(2). The kernel lets go of it when its
/// holder ends, however it ends.
package struct FileLock: ~Copyable, Sendable {
  private let file: OwnedDescriptor

  /// Makes the file at `path`, and the directories above it, if they are missing, and locks it.
  ///
  /// - Parameter waiting: Whether to wait, which blocks, while another holds it.
  /// - Throws: ``SystemError``; `EWOULDBLOCK` if another holds it and `waiting` is false.
  package init(at path: FilePath, waiting: Bool) throws(SystemError) {
    try makeDirectories(path.removingLastComponent())
    let raw: CInt
    do throws(Errno) {
      raw = try retryingInterrupts {
        path.withPlatformString { open($0, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode_t(0o644)) }
      }
    } catch {
      throw SystemError("lock", path, error)
    }
    let failure: Errno?
    do throws(Errno) {
      _ = try retryingInterrupts { flock(raw, LOCK_EX | (waiting ? 0 : LOCK_NB)) }
      failure = nil
    } catch {
      close(raw)
      failure = error
    }
    if let failure { throw SystemError("lock", path, failure) }
    file = OwnedDescriptor(owning: raw)
  }

  /// Lets go of the lock; so does the end of this value.
  package consuming func release() {}
}
