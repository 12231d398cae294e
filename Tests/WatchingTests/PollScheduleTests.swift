import Testing

@testable import Watching

@Suite struct PollScheduleTests {
  private let timing = PollTiming(shortest: .seconds(2), longest: .seconds(60), slow: .seconds(300))
  private let start = ContinuousClock.now

  @Test func `the less happens, the more seldom a directory is looked at`() {
    var schedule = PollSchedule(timing)
    var now = start
    #expect(schedule.next == nil)
    func saw(_ fingerprint: Int) -> Bool { schedule.saw(1, fingerprint, pace: .adaptive, at: now) }
    func due() -> [Int] { schedule.due(at: now) }
    #expect(saw(0))
    var gaps: [Int64] = []
    for _ in 0..<8 {
      guard let next = schedule.next else { break }
      gaps.append(now.duration(to: next).components.seconds)
      now = next
      #expect(due() == [1])
      #expect(!saw(0))
    }
    #expect(gaps == [2, 4, 8, 16, 32, 60, 60, 60])
    #expect(saw(7))
    #expect(schedule.next == now.advanced(by: .seconds(2)))
  }

  @Test func `what is due soon is looked at together`() {
    var schedule = PollSchedule(timing)
    for id in 0..<5 { _ = schedule.saw(id, 0, pace: .adaptive, at: start.advanced(by: .milliseconds(100 * id))) }
    _ = schedule.saw(9, 0, pace: .slow, at: start)
    let first = start.advanced(by: .seconds(2))
    func due(_ time: ContinuousClock.Instant) -> [Int] { schedule.due(at: time) }
    #expect(due(first.advanced(by: .milliseconds(-1))).isEmpty)
    #expect(due(first) == [0, 1, 2, 3, 4])
    // And not again at once, though nobody has told yet what they look like.
    #expect(due(first.advanced(by: .milliseconds(500))).isEmpty)
    #expect(due(start.advanced(by: .seconds(300))).contains(9))
    schedule.remove(9)
    #expect(schedule.count == 5)
  }
}
