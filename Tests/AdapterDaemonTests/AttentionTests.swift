import Foundation
import Kernel
import SystemPackage
import TestSupport
import Testing

@testable import AdapterDaemon
@testable import Adapters

/// With a clock of their own: no test of this suite waits for anything.
@Suite struct AttentionTests {
  private final class Clock {
    private(set) var now = SuspendingClock.now

    func pass(_ time: Duration) { now = now.advanced(by: time) }
  }

  private let clock = Clock()
  private var attention: Attention
  private let run: FilePath = "/outputs/run"

  init() {
    attention = Attention(settle: .seconds(2), patience: .seconds(60)) { [clock] in clock.now }
  }

  @Test mutating func aDirectoryIsLookedAtWhenItHasBeenQuietForLongEnough() {
    attention.touch(run)
    clock.pass(.seconds(1))
    attention.touch(run)
    clock.pass(.milliseconds(1_999))
    let early = attention.asks()
    #expect(early == nil)
    #expect(attention.isSettling(run, at: clock.now))
    clock.pass(.milliseconds(1))
    let asked = attention.asks()
    #expect(asked?.directories == [run])
    // The watcher is asked once for each deadline, and what it tells meanwhile puts the look off.
    let twice = attention.asks()
    #expect(twice == nil)
    attention.touch(run)
    let none = attention.due(at: asked?.time ?? clock.now)
    #expect(none.isEmpty)
    clock.pass(.seconds(2))
    let due = attention.due(at: clock.now)
    #expect(due == [run] && attention.nextDeadline == nil)
  }

  @Test mutating func whatIsNeverQuietIsLookedAtNevertheless() throws {
    let state = try sample()
    var (looks, rests) = (0, 0)
    // A log file in it grows every second.
    for _ in 0..<100 {
      attention.touch(run)
      clock.pass(.seconds(1))
      for directory in attention.due(at: clock.now) {
        #expect(directory == run)
        looks += 1
        let rest = attention.isAtRest(state, at: clock.now)
        if rest { rests += 1 }
      }
    }
    #expect(looks >= 5 && looks <= 15)
    // At the first look nobody knows for how long the weights have been the same.
    #expect(rests == looks - 1)
  }

  @Test mutating func theFilesOfAStateAreAtRestWhenTheyAreTheSameForLongEnough() throws {
    attention.touch(run)
    let first = attention.isAtRest(try sample(modified: 1), at: clock.now)
    clock.pass(.seconds(1))
    attention.touch(run)
    let changed = attention.isAtRest(try sample(modified: 2), at: clock.now)
    clock.pass(.milliseconds(1_999))
    attention.touch(run)
    let early = attention.isAtRest(try sample(modified: 2), at: clock.now)
    clock.pass(.milliseconds(1))
    let late = attention.isAtRest(try sample(modified: 2), at: clock.now)
    #expect([first, changed, early, late] == [false, false, false, true])
  }

  @Test mutating func theAgeOfWeightsThatCameWhileItWatchedIsWhatItWatched() throws {
    let day: Int64 = 86_400
    let now = Int64(Date().timeIntervalSince1970)
    // As `cp -a`, `tar x` and a clock that jumps make them: old at once.
    attention.touch(run)
    let old = try sample(modified: (now - day) * 1_000_000_000)
    let first = attention.age(of: old)
    clock.pass(.seconds(5))
    let second = attention.age(of: old)
    // Others of the same run begin anew.
    let next = try sample(modified: (now - day + 1) * 1_000_000_000)
    let third = attention.age(of: next)
    #expect([first, second, third] == [.zero, .seconds(5), .zero])
  }

  @Test mutating func theAgeOfWeightsThatWereThereAtTheStartIsWhatTheySay() throws {
    attention.touch(run, atStart: true)
    let now = Int64(Date().timeIntervalSince1970)
    let state = try sample(modified: (now - 3_600) * 1_000_000_000)
    let age = attention.age(of: state)
    #expect(age >= .seconds(3_600) && age < .seconds(7_200))
    // But nothing is younger than new, whatever its time says.
    let future = try sample(modified: (now + 3_600) * 1_000_000_000)
    let none = attention.age(of: future)
    #expect(none == .zero)
  }

  @Test mutating func whatLastsIsTold() {
    let first = attention.waits(run, for: "torn at 10")
    clock.pass(.seconds(59))
    let second = attention.waits(run, for: "torn at 10")
    // It goes on: another wait.
    let other = attention.waits(run, for: "torn at 20")
    clock.pass(.seconds(60))
    let due = attention.due(at: clock.now)
    #expect(due == [run])
    let last = attention.waits(run, for: "torn at 20")
    #expect([first, second, other, last] == [false, false, false, true])
    // It is looked at once because of that, not for ever.
    clock.pass(.seconds(600))
    let again = attention.due(at: clock.now)
    #expect(again.isEmpty && attention.nextDeadline == nil)
  }

  @Test mutating func theSameAgainIsNoNews() throws {
    let state = try sample(modified: 1)
    #expect(attention.isNews(state))
    attention.takes(state)
    #expect(!attention.isNews(state))
    #expect(attention.isNews(try sample(modified: 2)))
  }

  /// The state that a real output holds, as if its weights had been written at `modified`, in nanoseconds since 1970.
  private func sample(modified: Int64 = 0) throws -> AdapterState {
    let outputs = Fixtures.outputs("mlx-lora")
    let reader = AdapterReader(outputs: outputs)
    let state = try #require(reader.read(run: reader.run(of: outputs.appending("adapters"))).states.first)
    let found = state.weights.identity
    let identity = FileIdentity(
      device: found.device, inode: found.inode, size: found.size, modified: modified, changed: found.changed,
      mode: found.mode)
    return AdapterState(
      format: state.format, directory: run, run: run,
      weights: SourceFile(path: run.appending(state.weights.name), identity: identity), header: state.header,
      config: state.config, configBytes: state.configBytes, files: [], trainerState: nil, runMeta: nil, step: nil,
      isFinal: false, endIsProven: false, twin: nil)
  }
}
