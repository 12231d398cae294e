import Glibc
import Kernel

/// Tells when something is mounted or unmounted; inotify does not say that another file system now covers a directory.
final class MountChanges {
  private let descriptor: OwnedDescriptor

  /// `nil` where there is no `/proc`; then a root that is mounted over is found by the next walk only.
  init?() {
    guard
      let raw = try? retryingInterrupts({ "/proc/self/mountinfo".withCString { open($0, O_RDONLY | O_CLOEXEC) } })
    else { return nil }
    descriptor = OwnedDescriptor(owning: raw)
  }

  /// To be waited for with poll(2): each change gives `POLLPRI` once, see proc_pid_mounts(5).
  var entry: pollfd { pollfd(fd: descriptor.raw, events: Int16(POLLPRI), revents: 0) }
}
