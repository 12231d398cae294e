import SystemPackage
import Testing
import Watching

/// A time of no clock, in seconds from a beginning.
private struct Second: InstantProtocol {
  var offset: Duration
  init(_ seconds: Double) { offset = .seconds(seconds) }
  func advanced(by duration: Duration) -> Second {
    var later = self
    later.offset += duration
    return later
  }
  func duration(to other: Second) -> Duration { other.offset - offset }
  static func < (left: Second, right: Second) -> Bool { left.offset < right.offset }
}

@Suite struct SettlerTests {
  @Test func `a directory is due when it was quiet for long enough, and once`() {
    var settler = Settler<Second>(quiet: .seconds(2), longest: .seconds(20))
    #expect(settler.nextDeadline == nil)
    settler.touch("/a", at: Second(0))
    #expect(settler.isSettling("/a", at: Second(0)))
    #expect(!settler.isSettling("/b", at: Second(0)))
    #expect(settler.due(at: Second(1.999)).isEmpty)
    #expect(settler.isDue(at: Second(1.999)).isEmpty)
    #expect(settler.isDue(at: Second(2)) == ["/a"])
    #expect(!settler.isSettling("/a", at: Second(2)))
    #expect(settler.due(at: Second(2)) == ["/a"])
    #expect(settler.due(at: Second(2)).isEmpty)
    #expect(settler.nextDeadline == nil)
  }

  @Test func `each touch begins the quiet time anew`() {
    var settler = Settler<Second>(quiet: .seconds(2), longest: .seconds(20))
    for second in 0..<10 {
      settler.touch("/a", at: Second(Double(second)))
      #expect(settler.due(at: Second(Double(second + 1))).isEmpty)
    }
    #expect(settler.nextDeadline == Second(11))
    #expect(settler.due(at: Second(11)) == ["/a"])
  }

  @Test func `a directory that is never quiet is due after the longest time, and is not quiet then`() {
    var settler = Settler<Second>(quiet: .seconds(2), longest: .seconds(5))
    var due: [Int] = []
    for second in 0..<13 {
      let now = Second(Double(second))
      if !settler.due(at: now).isEmpty {
        due.append(second)
        #expect(settler.isSettling("/a", at: now))
      }
      settler.touch("/a", at: now)
    }
    #expect(due == [5, 10])
    #expect(settler.nextDeadline == Second(14))
    #expect(settler.due(at: Second(14)) == ["/a"])
    #expect(!settler.isSettling("/a", at: Second(14)))
  }

  @Test func `they come in the order of their bytes, each at its own time`() {
    var settler = Settler<Second>(quiet: .seconds(2), longest: .seconds(20))
    for path in ["/b", "/a/z", "/a", "/ä", "/B"] { settler.touch(FilePath(path), at: Second(0)) }
    settler.touch("/a", at: Second(1))
    #expect(settler.nextDeadline == Second(2))
    #expect(settler.due(at: Second(2)) == ["/B", "/a/z", "/b", "/ä"])
    #expect(settler.nextDeadline == Second(3))
  }
}
