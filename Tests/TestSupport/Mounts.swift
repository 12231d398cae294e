import Foundation
import Kernel
import SystemPackage

/// File systems that a test mounts.
package enum Mounts {
  /// Whether mount(2) is allowed. Asked once, by doing it.
  package static let areAllowed: Bool = {
    guard geteuid() == 0, let directory = try? makeTemporaryDirectory() else { return false }
    defer { try? removeTree(directory) }
    guard mount("none", directory.string, "tmpfs", 0, "size=64k") == 0 else { return false }
    return umount2(directory.string, CInt(MNT_DETACH)) == 0
  }()

  /// Whether ``withBindFS(_:)`` works: it needs bindfs(1) and `/dev/fuse`.
  package static let haveFUSE = areAllowed && access(bindfs, X_OK) == 0 && access("/dev/fuse", R_OK | W_OK) == 0

  private static let bindfs = "/usr/bin/bindfs"

  /// A file system of its own at `directory`, which is made, for as long as `body` runs.
  ///
  /// - Parameter options: As in tmpfs(5), e.g. `size=8m`.
  package static func withTmpfs(at directory: FilePath, _ options: String, _ body: () async throws -> Void) async throws
  {
    try makeDirectories(directory)
    guard mount("none", directory.string, "tmpfs", 0, options) == 0 else {
      throw SystemError("mount", directory, Errno(rawValue: errno))
    }
    defer { umount2(directory.string, CInt(MNT_DETACH)) }
    try await body()
  }

  /// A FUSE file system that shows a directory: what is written to the directory itself is, for who looks at the file
  /// system, written by another machine.
  ///
  /// - Parameter body: Gets the directory and where the file system is mounted.
  package static func withBindFS(_ body: (_ source: FilePath, _ mounted: FilePath) async throws -> Void) async throws {
    try await withTemporaryDirectory { scratch in
      let (source, mounted) = (scratch.appending("source"), scratch.appending("mounted"))
      try makeDirectories(source)
      try makeDirectories(mounted)
      // Without caches of attributes, as a network file system has them, so that a test need not wait for their end.
      let options = "attr_timeout=0,entry_timeout=0,negative_timeout=0"
      // In the foreground, since what it has inherited from here would stay open in a daemon.
      let server = try Program.process(bindfs, ["-f", "-o", options, source.string, mounted.string], [:])
      try server.run()
      defer {
        umount2(mounted.string, CInt(MNT_DETACH))
        server.terminate()
        server.waitUntilExit()
      }
      while try FileSystemKind(at: mounted) != .remote("FUSE") {
        guard server.isRunning else { throw CocoaError(.executableLoad) }
        try await Task.sleep(for: .milliseconds(10))
      }
      try await body(source, mounted)
    }
  }

  /// An overlayfs.
  ///
  /// - Parameter body: Gets its lower and upper layer and where it is mounted.
  package static func withOverlay(
    _ body: (_ lower: FilePath, _ upper: FilePath, _ mounted: FilePath) async throws -> Void
  ) async throws {
    try await withTemporaryDirectory { scratch in
      // The layers must not be on an overlayfs themselves, as a container's files are.
      guard mount("none", scratch.string, "tmpfs", 0, "size=16m") == 0 else { throw Errno(rawValue: errno) }
      defer { umount2(scratch.string, CInt(MNT_DETACH)) }
      let (lower, upper, work) = (scratch.appending("lower"), scratch.appending("upper"), scratch.appending("work"))
      let mounted = scratch.appending("mounted")
      for directory in [lower, upper, work, mounted] { try makeDirectories(directory) }
      let options = "lowerdir=\(lower),upperdir=\(upper),workdir=\(work)"
      guard mount("overlay", mounted.string, "overlay", 0, options) == 0 else { throw Errno(rawValue: errno) }
      defer { umount2(mounted.string, CInt(MNT_DETACH)) }
      try await body(lower, upper, mounted)
    }
  }
}
