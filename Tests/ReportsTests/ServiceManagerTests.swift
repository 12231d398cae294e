import Foundation
import Glibc
import Kernel
import Logging
import TestSupport
import Testing

@testable import Reports

/// The real sd_notify(3) in processes of their own, since it reads the environment of its process.
@Suite struct ServiceManagerTests {
  private func socket() throws -> NotificationSocket {
    try NotificationSocket(at: "/tmp/adapterd-notify-\(UUID().uuidString)")
  }

  @Test(.timeLimit(.minutes(10))) func sendsExactlyTheseDatagrams() async throws {
    let socket = try socket()
    let path = socket.path
    await #expect(processExitsWith: .success) { [path = path as String] in
      setenv("NOTIFY_SOCKET", path, 1)
      let manager = ServiceManager(logger: Logger(label: "test"))
      manager.status("scanning 2 trees")
      manager.ready(status: "watching 2 trees")
      manager.watchdog()
      manager.extendTimeout(.milliseconds(90_500))
      manager.stopping(status: "finishing 1 upload")
    }
    #expect(
      try socket.received() == [
        "STATUS=scanning 2 trees",
        "READY=1\nSTATUS=watching 2 trees",
        "WATCHDOG=1",
        "EXTEND_TIMEOUT_USEC=90500000",
        "STOPPING=1\nSTATUS=finishing 1 upload",
      ])
  }

  @Test(.timeLimit(.minutes(10))) func aReloadTellsWhenItBegan() async throws {
    let socket = try socket()
    let path = socket.path
    let before = SuspendingClock.now
    await #expect(processExitsWith: .success) { [path = path as String] in
      setenv("NOTIFY_SOCKET", path, 1)
      ServiceManager(logger: Logger(label: "test")).reloading()
    }
    let message = try socket.receive()
    let match = try #require(message.wholeMatch(of: #/RELOADING=1\nMONOTONIC_USEC=(\d+)/#), "\(message)")
    let told = try #require(Int64(match.1))
    // CLOCK_MONOTONIC, the clock that the service manager compares with.
    var now = timespec()
    try #require(clock_gettime(CLOCK_MONOTONIC, &now) == 0)
    let current = Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000
    #expect(told <= current)
    #expect(told >= current - before.duration(to: .now).microseconds - 1)
  }

  @Test(.timeLimit(.minutes(10))) func aStatusCannotSmuggleInAnotherAssignment() async throws {
    let socket = try socket()
    let path = socket.path
    await #expect(processExitsWith: .success) { [path = path as String] in
      setenv("NOTIFY_SOCKET", path, 1)
      ServiceManager(logger: Logger(label: "test")).status("bundling evil\nMAINPID=1\u{1B}[2J")
    }
    #expect(try socket.received() == ["STATUS=bundling evil MAINPID=1 [2J"])
  }

  @Test(.timeLimit(.minutes(10))) func knowsItsWatchdogAndNotAnothers() async throws {
    await #expect(processExitsWith: .success) {
      setenv("WATCHDOG_USEC", "120000000", 1)
      let logger = Logger(label: "test")
      precondition(ServiceManager(logger: logger).watchdogInterval == .seconds(120))
      setenv("WATCHDOG_PID", "\(getpid())", 1)
      precondition(ServiceManager(logger: logger).watchdogInterval == .seconds(120))
      setenv("WATCHDOG_PID", "1", 1)
      precondition(ServiceManager(logger: logger).watchdogInterval == nil)
      unsetenv("WATCHDOG_USEC")
      precondition(ServiceManager(logger: logger).watchdogInterval == nil)
    }
  }

  @Test(.timeLimit(.minutes(10))) func withoutAServiceManagerNothingHappensAndNothingIsSaid() async throws {
    await #expect(processExitsWith: .success) {
      unsetenv("NOTIFY_SOCKET")
      let recorder = Recorder()
      ServiceManager(logger: Logger(label: "test") { _ in RecordingHandler(recorder: recorder) }).ready(status: "up")
      precondition(recorder.events.isEmpty)
    }
  }

  @Test(.timeLimit(.minutes(10))) func aServiceManagerThatIsGoneIsAWarning() async throws {
    await #expect(processExitsWith: .success) {
      setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1)
      let recorder = Recorder()
      ServiceManager(logger: Logger(label: "test") { _ in RecordingHandler(recorder: recorder) }).ready(status: "up")
      precondition(recorder.events.map(\.level) == [.warning])
      precondition(
        recorder.events[0].message == "the service manager cannot be told READY=1: No such file or directory")
    }
  }
}
