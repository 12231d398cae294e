import Glibc
import Kernel
import Synchronization
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(10))) struct WaitingTests {
  private func entry(_ raw: CInt) -> pollfd { pollfd(fd: raw, events: Int16(POLLIN), revents: 0) }

  @Test func `a bell wakes once for many rings, and is silent after that`() throws {
    let bell = try EventDescriptor()
    var entries = [entry(bell.raw), entry(-1)]
    try waitForInput(&entries, timeout: .zero)
    #expect(entries[0].revents == 0)
    for _ in 0..<1000 { bell.ring() }
    try waitForInput(&entries, timeout: nil)
    #expect(entries[0].revents == Int16(POLLIN))
    #expect(entries[1].revents == 0)
    bell.silence()
    try waitForInput(&entries, timeout: .zero)
    #expect(entries[0].revents == 0)
    bell.silence()  // does not block
  }

  @Test(arguments: [Duration.milliseconds(30), .nanoseconds(1), .seconds(-1)])
  func `it never waits less than it was told`(timeout: Duration) throws {
    var entries: [pollfd] = []
    let elapsed = try ContinuousClock().measure { try waitForInput(&entries, timeout: timeout) }
    #expect(elapsed >= timeout)
  }

  @Test func `a thread runs its body under its name, with all signals blocked, and is joined`() throws {
    let seen = Mutex<(name: String, blocked: Bool)>(("", false))
    let bell = try EventDescriptor()
    let raw = bell.raw
    func ownMask() -> [Bool] {
      var mask = sigset_t()
      pthread_sigmask(SIG_SETMASK, nil, &mask)
      return (1..<65).map { sigismember(&mask, $0) == 1 }
    }
    let before = ownMask()
    let thread = try NamedThread("kernel-test") {
      var entries = [pollfd(fd: raw, events: Int16(POLLIN), revents: 0)]
      try? waitForInput(&entries, timeout: nil)
      var mask = sigset_t()
      pthread_sigmask(SIG_SETMASK, nil, &mask)
      let blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGCHLD) == 1
      var bytes = [UInt8](repeating: 0, count: 32)
      let name = try? FileDescriptor.open("/proc/thread-self/comm", .readOnly)
      let count = try? bytes.withUnsafeMutableBytes { try name?.read(into: $0) }
      try? name?.close()
      let text = String(decoding: bytes.prefix(count ?? 0), as: UTF8.self)
      seen.withLock { $0 = (text, blocked) }
    }
    #expect(ownMask() == before)
    #expect(seen.withLock { $0.name } == "")
    bell.ring()
    thread.join()
    #expect(seen.withLock { $0.name } == "kernel-test\n")
    #expect(seen.withLock { $0.blocked })
  }
}
