import Foundation
import Kernel
import SystemPackage

/// Runs `body` while a limit of inotify(7) is lower than it was. Only for root.
///
/// The limit is the machine's: one test has it at a time, also among several runs of the tests. A process of its own sets
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
  let lock = try await LimitsLock.acquire()
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
  try await body { try set(before) }
}

/// The right to change the limits, until it goes.
private final class LimitsLock {
  private let lock: FileLock

  private init(at path: FilePath) throws(SystemError) {
    lock = try FileLock(at: path, waiting: false)
  }

  /// Waits for it, but not in the kernel: the thread is one of the cooperative pool's.
  static func acquire() async throws -> LimitsLock {
    let path = FilePath(FileManager.default.temporaryDirectory.path).appending("adapterd-tests-inotify.lock")
    while true {
      do throws(SystemError) {
        return try LimitsLock(at: path)
      } catch {
        if error.errno != .wouldBlock { throw error }
      }
      try await Task.sleep(for: .milliseconds(100))
    }
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
