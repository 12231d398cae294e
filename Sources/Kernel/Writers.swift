import CLinux
import Glibc
import SystemPackage

/// Whether some process has a file open for writing, or has written to it by mmap(2) and not let go.
package enum Writers: Sendable, Hashable {
  case none
  case some
  /// The kernel does not say: the file is another user's and the process has not `CAP_LEASE`, its file system has no
  /// leases, or others may write to it without this kernel.
  case unknown
}

extension OwnedDescriptor {
  /// Asks whether anybody can write to this file, which is open for reading only; `path` is for the error only.
  ///
  /// fcntl(2) gives a read lease only on a file that nobody has open for writing. It is given back at once: whoever opens
  /// the file between the two calls waits for these few instructions. The signal that the kernel sends then is made
  /// `SIGURG`, which is ignored unless somebody asks for it: `SIGIO` would end the process.
  ///
  /// - Throws: ``SystemError`` of fstatfs(2) or fcntl(2).
  package borrowing func writers(path: FilePath) throws(SystemError) -> Writers {
    // On the others a lease is the server's to give, and is refused for reasons of its own.
    if case .remote = try FileSystemKind(of: self, path: path) { return .unknown }
    let raw = self.raw
    do throws(Errno) {
      _ = try retryingInterrupts { clinux_fcntl(raw, CLINUX_F_SETSIG, SIGURG) }
      _ = try retryingInterrupts { clinux_fcntl(raw, CLINUX_F_SETLEASE, F_RDLCK) }
      _ = try retryingInterrupts { clinux_fcntl(raw, CLINUX_F_SETLEASE, F_UNLCK) }
      return .none
    } catch {
      switch error {
      case .resourceTemporarilyUnavailable: return .some
      case .permissionDenied, .invalidArgument, .notSupported, .noLocks: return .unknown
      default: throw SystemError("fcntl", path, error)
      }
    }
  }

  /// Whether some of the first `size` bytes were never written: a file that was made as long as it will be, and is being
  /// filled; or one whose zeros a copy or the file system has left out. See lseek(2), `SEEK_HOLE`.
  package borrowing func hasHoles(size: Int64) -> Bool {
    let hole = lseek(raw, 0, CLINUX_SEEK_HOLE)
    return hole >= 0 && hole < off_t(size)
  }
}
