import CSystemd
import Glibc
import Kernel
import Logging
import SystemPackage

/// The service manager, told how the daemon is: sd_notify(3). Without one (`NOTIFY_SOCKET` unset) nothing happens.
package struct ServiceManager: Sendable {
  /// How long the service manager waits for a ``watchdog()`` before it ends the daemon; nil: for ever.
  package let watchdogInterval: Duration?
  private let send: @Sendable (String) -> CInt
  private let logger: Logger

  /// The service manager that started this process, if one did.
  ///
  /// - Parameter logger: For a message that could not be sent.
  package init(logger: Logger) {
    var microseconds: UInt64 = 0
    // It also looks at WATCHDOG_PID: a child that inherits the variable is not meant.
    let isWatched = sd_watchdog_enabled(0, &microseconds) > 0
    self.init(watchdogInterval: isWatched ? .microseconds(Int64(clamping: microseconds)) : nil, logger: logger) {
      sd_notify(0, $0)
    }
  }

  /// A service manager reached in another way.
  ///
  /// - Parameter send: Gets each message as sd_notify(3) would, and answers as it does: negative is an error number.
  package init(watchdogInterval: Duration?, logger: Logger, send: @escaping @Sendable (String) -> CInt) {
    self.watchdogInterval = watchdogInterval
    self.logger = logger
    self.send = send
  }

  /// Start-up, or a reload, is done.
  package func ready(status: String) {
    notify("READY=1", Self.status(status))
  }

  /// The line that `systemctl status` shows.
  package func status(_ text: String) {
    notify(Self.status(text))
  }

  /// The configuration is being read again; ``ready(status:)`` ends it.
  ///
  /// The time lets `Type=notify-reload` tell this reload from one before: systemd.service(5).
  package func reloading() {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    notify("RELOADING=1", "MONOTONIC_USEC=\(Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000)")
  }

  /// The daemon is about to end.
  package func stopping(status: String) {
    notify("STOPPING=1", Self.status(status))
  }

  /// The daemon works. Sent by ``Watchdog/tick()``, which knows whether it is true.
  package func watchdog() {
    notify("WATCHDOG=1")
  }

  /// Starting or stopping takes up to `duration` longer, from now: for a commit in flight at the end.
  package func extendTimeout(_ duration: Duration) {
    notify("EXTEND_TIMEOUT_USEC=\(duration.microseconds)")
  }

  /// A status on one line: what follows a line break would be taken for another assignment, and file names may
  /// hold one.
  private static func status(_ text: String) -> String {
    "STATUS=" + text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : String($0) }.joined()
  }

  private func notify(_ assignments: String...) {
    let result = send(assignments.joined(separator: "\n"))
    if result < 0 {
      logger.warning("the service manager cannot be told \(assignments[0]): \(Errno(rawValue: -result))")
    }
  }
}
