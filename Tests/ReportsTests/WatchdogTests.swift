import Logging
import Synchronization
import Testing

@testable import Reports

@Suite struct WatchdogTests {
  /// A clock that stands until it is told to go on.
  final class HandClock: Clock {
    struct Instant: InstantProtocol {
      let elapsed: Duration
      func advanced(by duration: Duration) -> Instant { Instant(elapsed: elapsed + duration) }
      func duration(to other: Instant) -> Duration { other.elapsed - elapsed }
      static func < (lhs: Instant, rhs: Instant) -> Bool { lhs.elapsed < rhs.elapsed }
    }
    private let elapsed = Mutex(Swift.Duration.zero)
    var now: Instant { Instant(elapsed: elapsed.withLock { $0 }) }
    let minimumResolution = Duration.nanoseconds(1)
    func advance(by duration: Swift.Duration) { elapsed.withLock { $0 += duration } }
    func sleep(until deadline: Instant, tolerance: Swift.Duration?) async throws {}
  }

  let clock = HandClock()
  let sent = Sent()
  let watchdog: Watchdog

  final class Sent: Sendable {
    private let messages = Mutex<[String]>([])
    var count: Int { messages.withLock { $0.count } }
    func append(_ message: String) { messages.withLock { $0.append(message) } }
    var all: [String] { messages.withLock { $0 } }
  }

  init() {
    let sent = self.sent
    let manager = ServiceManager(watchdogInterval: .seconds(60), logger: Logger(label: "test")) {
      sent.append($0)
      return 1
    }
    watchdog = Watchdog(manager, clock: clock)
  }

  @Test func pingsWhileNothingIsToDo() {
    _ = watchdog.register("bundle")
    clock.advance(by: .seconds(3600))
    #expect(watchdog.tick() == [])
    #expect(sent.all == ["WATCHDOG=1"])
  }

  @Test func asksForATickTwiceAnInterval() {
    #expect(watchdog.period == .seconds(30))
  }

  @Test func isSilentWhileABusyStageMakesNoProgress() {
    let stage = watchdog.register("bundle")
    watchdog.busy(stage)
    clock.advance(by: .seconds(60))
    #expect(watchdog.tick() == [])
    clock.advance(by: .seconds(1))
    #expect(watchdog.tick() == [.init(stage: "bundle", since: .seconds(61))])
    #expect(sent.count == 1)
  }

  @Test func progressKeepsALongPieceOfWorkAlive() {
    let stage = watchdog.register("publish")
    watchdog.busy(stage)
    for _ in 0..<10 {
      clock.advance(by: .seconds(50))
      watchdog.progress(stage)
      watchdog.tick()
    }
    #expect(sent.count == 10)
  }

  @Test func sayingBusyAgainIsNoProgress() {
    let stage = watchdog.register("publish")
    watchdog.busy(stage)
    clock.advance(by: .seconds(50))
    watchdog.busy(stage)
    clock.advance(by: .seconds(50))
    #expect(watchdog.tick().map(\.stage) == ["publish"])
  }

  @Test func oneStuckStageSilencesTheOthers() {
    let stuck = watchdog.register("publish")
    let works = watchdog.register("bundle")
    watchdog.busy(stuck)
    watchdog.busy(works)
    clock.advance(by: .seconds(61))
    watchdog.progress(works)
    #expect(watchdog.tick().map(\.stage) == ["publish"])
    watchdog.idle(stuck)
    #expect(watchdog.tick() == [])
    #expect(sent.count == 1)
  }

  @Test func isPatientWithWhatIsKnownToBeSlow() {
    let stage = watchdog.register("publish")
    watchdog.busy(stage, patience: .seconds(300))
    clock.advance(by: .seconds(300))
    #expect(watchdog.tick() == [])
    watchdog.busy(stage)
    #expect(watchdog.tick().map(\.stage) == ["publish"])
  }

  @Test func progressOfAnIdleStageMeansNothing() {
    let stage = watchdog.register("bundle")
    watchdog.progress(stage)
    clock.advance(by: .seconds(3600))
    #expect(watchdog.tick() == [])
  }
}
