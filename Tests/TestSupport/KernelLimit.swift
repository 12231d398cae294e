import Foundation
import Kernel
import SystemPackage

/// Runs `body` while a limit of inotify(7) is lower than it was. Only for root.
///
/// The limit is the machine's: one test has it at a time, also among several runs of the tests, and while none of them
/// needs it as it was, see ``withUsualKernelLimits(_:)``. A process of its own sets
/// it back, so that this happens even if this one is killed.
///
/// - Parameters:
///   - name: Which, as in `/proc/sys/fs/inotify`.
///   - value: What it is to be.
///   - body: Gets what sets it back before the end.
package func withKernelLimit(
  isolation: isolated (any Actor)? = #isolation, _ name: String, _ value: Int,
  _ body: (_ restore: () throws -> Void) async throws -> Void
) async throws {
  let path = "/proc/sys/fs/inotify/\(name)"
  let lock = try await LimitsLock.acquire(LOCK_EX)
  let before = try String(contentsOfFile: path, encoding: .utf8)

  let guardian = Process()
  guardian.executableURL = URL(fileURLWithPath: "/bin/sh")
  guardian.arguments = ["-c", "trap '' HUP INT TERM; cat >/dev/null; printf %s \"$0\" >\"$1\"", before, path]
  let life = Pipe()
  // Other processes that are started meanwhile must not keep it open.
  _ = fcntl(life.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
  guardian.standardInput = life
  try guardian.run()
  defer {
    try? life.fileHandleForWriting.close()
    guardian.waitUntilExit()
    extendLifetime(lock)
  }
  func set(_ text: String) throws {
    let file = try FileDescriptor.open(FilePath(path), .writeOnly)
    try file.closeAfter { _ = try file.writeAll(text.utf8) }
  }
  try set("\(value)\n")
  try await LimitsLock.$isHeld.withValue(true) { try await body { try set(before) } }
}

/// Runs `body` while nobody lowers a limit of inotify(7), unless the test itself does.
package func withUsualKernelLimits<T>(
  isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> T
) async throws -> T {
  if LimitsLock.isHeld { return try await body() }
  let lock = try await LimitsLock.acquire(LOCK_SH)
  defer { extendLifetime(lock) }
  return try await body()
}

/// The right to change the limits, or to rely on them, until it goes: flock(2).
private final class LimitsLock {
  /// Whether the running test has the right to change them.
  @TaskLocal static var isHeld = false

  private let file: OwnedDescriptor

  private init(_ file: consuming OwnedDescriptor) {
    self.file = file
  }

  /// Waits for it, but not in the kernel: the thread is one of the cooperative pool's.
  static func acquire(_ kind: CInt) async throws -> LimitsLock {
    let path = FilePath(FileManager.default.temporaryDirectory.path).appending("adapterd-tests-inotify.lock")
    // What is there is opened without O_CREAT, which is refused for another user's file, see fs.protected_regular.
    let file =
      try (try? FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .noFollow]))
      ?? FileDescriptor.open(
        path, .readOnly, options: [.create, .closeOnExec, .noFollow],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
    let lock = LimitsLock(OwnedDescriptor(owning: file.rawValue))
    while flock(file.rawValue, kind | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK else { throw SystemError("lock", path, Errno(rawValue: errno)) }
      try await Task.sleep(for: .milliseconds(20))
    }
    return lock
  }
}

/// Runs `body` with a queue of only a few events for the inotify instances that are made meanwhile, if that is
/// allowed; else a flood has to fill the kernel's own.
package func withSmallQueue(
  isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Void
) async throws {
  if geteuid() != 0 { return try await body() }
  try await withKernelLimit("max_queued_events", 16) { _ in try await body() }
}
