/// How often something is looked at that inotify does not tell of.
package struct PollTiming: Sendable, Hashable {
  /// Between two looks at a directory in which something has just changed.
  package var shortest: Duration
  /// Between two looks at a directory in which nothing changes: each time that there is nothing new the next one is
  /// later, up to this.
  package var longest: Duration
  /// Between two looks at what inotify tells almost all of.
  package var slow: Duration
  /// Between two attempts at what failed: to get a watch, to list a directory.
  package var retry: Duration

  package init(
    shortest: Duration = .seconds(2), longest: Duration = .seconds(60), slow: Duration = .seconds(300),
    retry: Duration = .seconds(10)
  ) {
    self.shortest = shortest
    self.longest = longest
    self.slow = slow
    self.retry = retry
  }
}

/// Which directories are looked at from time to time, what they looked like, and when the next look is due.
struct PollSchedule {
  enum Pace { case adaptive, slow }

  private struct Entry {
    var fingerprint: Int
    var pace: Pace
    var interval: Duration
    var due: ContinuousClock.Instant
  }

  private let timing: PollTiming
  private var entries: [DirectoryTree.ID: Entry] = [:]
  /// When the last look was due: directories are looked at together, not one every moment.
  private var last: ContinuousClock.Instant?

  init(_ timing: PollTiming) {
    self.timing = timing
  }

  var count: Int { entries.count }

  /// When the next look is due.
  var next: ContinuousClock.Instant? {
    guard let due = entries.values.map(\.due).min() else { return nil }
    return max(due, last.map { $0.advanced(by: timing.shortest) } ?? due)
  }

  func contains(_ id: DirectoryTree.ID) -> Bool { entries[id] != nil }

  /// Notes what `id` looks like now.
  ///
  /// - Returns: whether that is not what it looked like the last time.
  mutating func saw(
    _ id: DirectoryTree.ID, _ fingerprint: Int, pace: Pace, at now: ContinuousClock.Instant
  ) -> Bool {
    let before = entries[id]
    let isNews = before?.fingerprint != fingerprint
    let interval =
      switch pace {
      case .slow: timing.slow
      case .adaptive: isNews ? timing.shortest : min((before?.interval ?? timing.shortest) * 2, timing.longest)
      }
    entries[id] = Entry(fingerprint: fingerprint, pace: pace, interval: interval, due: now.advanced(by: interval))
    return isNews
  }

  mutating func remove(_ id: DirectoryTree.ID) { entries[id] = nil }

  mutating func removeAll() { entries = [:] }

  /// The directories whose time has come. They are due again when ``saw(_:_:pace:at:)`` was told of them, or after their
  /// interval.
  mutating func due(at now: ContinuousClock.Instant) -> [DirectoryTree.ID] {
    guard let next, next <= now else { return [] }
    last = now
    // What would be due before the next look can be is looked at now: one wake-up instead of many.
    let limit = now.advanced(by: timing.shortest / 2)
    let due = entries.filter { $0.value.due <= limit }
    for (id, entry) in due { entries[id]?.due = now.advanced(by: entry.interval) }
    return due.keys.sorted()
  }
}
