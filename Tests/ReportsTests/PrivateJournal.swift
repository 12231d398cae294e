import Foundation
import Glibc
import Kernel
import SystemPackage
import TestSupport
import Testing

/// A journald of our own: the real one, in a mount namespace that holds nobody else's journal.
///
/// sd_journal_sendv(3) always writes to `/run/systemd/journal/socket`. The thread that runs a test gets a mount
/// namespace of its own, in which `/run/systemd` and `/run/log` are empty, and starts journald there: no daemon of the
/// machine is asked for, changed or seen, be it a container, or a machine with a journal in use.
struct PrivateJournal {
  static let journald = "/lib/systemd/systemd-journald"

  /// Whether it can be made here: root with the right to mount, and journald, journalctl and util-linux installed.
  static let isPossible: Bool = {
    guard geteuid() == 0, access(journald, X_OK) == 0,
      let id = try? String(contentsOfFile: "/etc/machine-id", encoding: .utf8), id.utf8.count >= 32
    else { return false }
    // A container may allow the namespace and yet no mount.
    let probe = "unshare --mount mount -t tmpfs tmpfs /run/systemd"
    return (try? run("command -v journalctl && command -v setpriv && \(probe)")) != nil
  }()

  /// Runs `body` on a thread that sees the private journal, and returns what it returns.
  ///
  /// - Parameter withJournald: Whether journald is started; if not, the place where it would listen is empty.
  static func inside<T: Sendable>(
    withJournald: Bool = true, _ body: @escaping @Sendable (PrivateJournal) throws -> T
  ) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      // A thread of its own, that ends: it never gets out of the namespace again.
      Thread {
        continuation.resume(
          with: Result {
            try unshareMounts()
            try run(
              """
              mount --make-rprivate /
              mount -t tmpfs tmpfs /run/systemd
              mkdir -p /run/log /run/systemd/journal /run/systemd/journald.conf.d
              mount -t tmpfs tmpfs /run/log
              cat > /run/systemd/journald.conf.d/test.conf <<.
              [Journal]
              Storage=volatile
              Audit=
              ReadKMsg=no
              .
              """)
            let daemon = withJournald ? try startJournald() : nil
            defer {
              daemon?.terminate()
              daemon?.waitUntilExit()
            }
            return try body(PrivateJournal())
          })
      }.start()
    }
  }

  /// All entries that match, as `journalctl --output=json` gives them: text, or a list of numbers for other bytes.
  func entries(_ match: String) throws -> [[String: any Sendable]] {
    // --sync waits until journald has written everything that it was sent. The output goes to a file, since another
    // test's child may inherit a pipe's end and keep it open.
    try Self.run(
      """
      journalctl --sync
      journalctl --directory=/run/log/journal --output=json --all --quiet '\(match)' > /run/systemd/entries
      """)
    let output = try Data(contentsOf: URL(fileURLWithPath: "/run/systemd/entries"))
    return try output.split(separator: UInt8(ascii: "\n")).map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line))
      return try #require(object as? [String: any Sendable])
    }
  }

  /// Starts journald and waits for its own word that it is ready.
  private static func startJournald() throws -> Process {
    let socket = try NotificationSocket(at: "/run/systemd/notify")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    // It must not outlive this thread, even if the tests crash.
    process.arguments = ["setpriv", "--pdeathsig", "KILL", journald]
    process.environment = ["NOTIFY_SOCKET": socket.path, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
    try process.run()
    while !(try socket.receive(0).split(separator: "\n").contains("READY=1")) {}
    return process
  }

  /// unshare(2), which Swift's Glibc module lacks.
  private static func unshareMounts() throws {
    typealias Unshare = @convention(c) (CInt) -> CInt
    let symbol = try #require(dlsym(nil, "unshare"))
    let unshare = unsafeBitCast(symbol, to: Unshare.self)
    let newMounts: CInt = 0x0002_0000  // CLONE_NEWNS
    _ = try retryingInterrupts { unshare(newMounts) }
  }

  /// Runs a shell script in the namespace of the calling thread; the first command that fails ends it.
  private static func run(_ script: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-ec", script]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw ScriptFailed(script: script, status: process.terminationStatus) }
  }

  struct ScriptFailed: Error {
    let script: String
    let status: CInt
  }
}
