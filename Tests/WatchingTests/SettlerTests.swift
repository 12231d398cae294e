import Synchronization
import SystemPackage
import Testing
import Watching

/// A clock that stands still until it is moved.
private final class ManualClock: Clock {
  struct Instant: InstantProtocol {
    let offset: Duration
    func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
    func duration(to other: Instant) -> Duration { other.offset - offset }
    static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
  }

  private let time = Mutex(Instant(offset: .zero))
  var now: Instant { time.withLock { $0 } }
  let minimumResolution = Duration.nanoseconds(1)
  func advance(by duration: Duration) { time.withLock { $0 = $0.advanced(by: duration) } }
  func sleep(until deadline: Instant, tolerance: Duration?) async throws { throw CancellationError() }
}

@Suite struct SettlerTests {
  private let clock = ManualClock()

  @Test func `a directory settles when it was quiet for long enough, and once`() {
    var settler = Settler(quiet: .seconds(2), clock: clock)
    #expect(settler.nextDeadline == nil)
    settler.touch("/a")
    #expect(settler.isSettling("/a"))
    #expect(!settler.isSettling("/b"))
    clock.advance(by: .milliseconds(1999))
    #expect(settler.settled().isEmpty)
    clock.advance(by: .milliseconds(1))
    #expect(!settler.isSettling("/a"))
    #expect(settler.settled() == ["/a"])
    #expect(settler.settled().isEmpty)
    #expect(settler.nextDeadline == nil)
  }

  @Test func `each touch begins the quiet time anew`() {
    var settler = Settler(quiet: .seconds(2), clock: clock)
    for _ in 0..<10 {
      settler.touch("/a")
      clock.advance(by: .seconds(1))
      #expect(settler.settled().isEmpty)
    }
    #expect(settler.nextDeadline == ManualClock.Instant(offset: .seconds(11)))
    clock.advance(by: .seconds(1))
    #expect(settler.settled() == ["/a"])
  }

  @Test func `a directory that is never quiet settles after the longest time`() {
    var settler = Settler(quiet: .seconds(2), longest: .seconds(5), clock: clock)
    var settledAt: [Int] = []
    for second in 0..<13 {
      if !settler.settled().isEmpty { settledAt.append(second) }
      settler.touch("/a")
      clock.advance(by: .seconds(1))
    }
    #expect(settledAt == [5, 10])
  }

  @Test func `they come in the order of their bytes, each at its own time`() {
    var settler = Settler(quiet: .seconds(2), clock: clock)
    for path in ["/b", "/a/z", "/a", "/ä", "/B"] { settler.touch(FilePath(path)) }
    clock.advance(by: .seconds(1))
    settler.touch("/a")
    #expect(settler.nextDeadline == ManualClock.Instant(offset: .seconds(2)))
    clock.advance(by: .seconds(1))
    #expect(settler.settled() == ["/B", "/a/z", "/b", "/ä"])
    #expect(settler.nextDeadline == ManualClock.Instant(offset: .seconds(3)))
  }
}
