import Adapters
import Foundation
import Kernel
import SystemPackage
import Watching

/// What the pipeline has in mind between two looks: directories that are still being written to, and findings that
/// may yet change, with how long they have lasted.
///
/// All its instants are of a clock that neither jumps nor runs while the machine sleeps.
struct Attention {
  typealias Instant = SuspendingClock.Instant

  /// For how long a file that a trainer is known to write last is waited for, and a torn or contradicting state is
  /// taken for one that is about to change.
  static let patience: Duration = .seconds(60)
  /// A directory that is never quiet is looked at nevertheless after so many times its quiet time.
  private static let unrest = 10

  private struct Waiting {
    let reason: String
    let since: Instant
    /// Whether it has lasted too long, and was looked at because of that.
    var isOver = false
  }

  private let settle: Duration
  private let patience: Duration
  private let clock: () -> Instant
  private var settler: Settler<Instant>
  private var waiting: [FilePath: Waiting] = [:]
  private var appointments: [FilePath: Instant] = [:]
  /// What a directory's files looked like, and since when they do.
  private var sightings: [FilePath: (files: [SourceFile], since: Instant)] = [:]
  /// The weights of each run that may be its last, since when they are known, and how old they were then.
  private var ages: [FilePath: (weights: SourceFile, since: Instant, age: Duration)] = [:]
  /// Directories in which something happened since the start.
  private var touched: Set<FilePath> = []
  /// What was taken in last of each run: the same again is no news.
  private var taken: [FilePath: [SourceFile]] = [:]
  /// The last instant that the watcher was asked to catch up with.
  private(set) var asked: Instant

  /// - Parameters:
  ///   - settle: How long a directory must be quiet.
  ///   - patience: How long a finding may last before it counts as final.
  ///   - clock: Tells the time.
  init(settle: Duration, patience: Duration = Self.patience, clock: @escaping () -> Instant = { .now }) {
    self.settle = settle
    self.patience = max(patience, settle)
    settler = Settler(quiet: settle, longest: settle * Self.unrest)
    self.clock = clock
    asked = clock()
  }

  /// Something happened in `directory`, or may have; at the start, it is only there.
  mutating func touch(_ directory: FilePath, atStart: Bool = false) {
    settler.touch(directory, at: clock())
    waiting[directory] = nil
    if !atStart { touched.insert(directory) }
  }

  /// The directories that are to be looked at, if some deadline has come since this was last asked: first the watcher
  /// must have caught up with this moment.
  mutating func asks() -> (directories: [FilePath], time: Instant)? {
    let now = clock()
    let due = directories(dueBy: now)
    guard deadlines.contains(where: { $0 > asked && $0 <= now }) else { return nil }
    asked = now
    return (due, now)
  }

  /// The directories whose time has come; each is given once.
  ///
  /// - Parameter time: What the watcher has caught up with.
  mutating func due(at time: Instant) -> [FilePath] {
    var due = settler.due(at: time)
    for (directory, appointment) in appointments where appointment <= time {
      appointments[directory] = nil
      due.append(directory)
    }
    for (directory, wait) in waiting where !wait.isOver && wait.since.advanced(by: patience) <= time {
      waiting[directory]?.isOver = true
      due.append(directory)
    }
    return due
  }

  /// When the next look is due although nothing happens, after ``asked``.
  var nextDeadline: Instant? { deadlines.filter { $0 > asked }.min() }

  private var deadlines: [Instant] {
    waiting.values.filter { !$0.isOver }.map { $0.since.advanced(by: patience) }
      + appointments.values + [settler.nextDeadline].compactMap { $0 }
  }

  private func directories(dueBy time: Instant) -> [FilePath] {
    settler.isDue(at: time) + appointments.filter { $0.value <= time }.keys
      + waiting.filter { !$0.value.isOver && $0.value.since.advanced(by: patience) <= time }.keys
  }

  /// Whether `directory` is still being written to, as far as is known at `time`.
  func isSettling(_ directory: FilePath, at time: Instant) -> Bool { settler.isSettling(directory, at: time) }

  /// Whether the files of `state` are not written to any more: its directory is quiet, or else its files have been the
  /// same for as long as that takes, whatever goes on beside them.
  mutating func isAtRest(_ state: AdapterState, at time: Instant) -> Bool {
    if !settler.isSettling(state.directory, at: time) { return true }
    let files = [state.weights] + state.files
    let now = clock()
    if let sighting = sightings[state.directory], sighting.files == files {
      if sighting.since.advanced(by: settle) <= now { return true }
    } else {
      sightings[state.directory] = (files, now)
      looksAgain(in: settle, state.directory)
    }
    return false
  }

  /// For how long the weights of `state` have been as they are. What was there at the start is as old as it says; of what
  /// came later only the time that it was watched counts, since the wall clock may jump.
  mutating func age(of state: AdapterState) -> Duration {
    let now = clock()
    if let known = ages[state.run], known.weights == state.weights {
      return known.age + known.since.duration(to: now)
    }
    let seconds = Date().timeIntervalSince1970 - Double(state.weights.identity.modified) / 1e9
    let age = touched.contains(state.directory) ? .zero : Duration.seconds(max(seconds, 0))
    ages[state.run] = (state.weights, now, age)
    return age
  }

  /// Notes that `directory` lacks something.
  ///
  /// - Returns: whether that has lasted for as long as anybody waits.
  mutating func waits(_ directory: FilePath, for reason: String) -> Bool {
    guard let known = waiting[directory], known.reason == reason else {
      waiting[directory] = Waiting(reason: reason, since: clock())
      return false
    }
    return known.since.duration(to: clock()) >= patience
  }

  /// Forgets what is not waited for any more.
  mutating func forget(_ directories: some Sequence<FilePath>, except kept: Set<FilePath>) {
    for directory in directories where !kept.contains(directory) { waiting[directory] = nil }
  }

  /// Whether `state` has not been taken in as it is now.
  func isNews(_ state: AdapterState) -> Bool {
    taken[state.run] != [state.weights] + state.files
  }

  /// Notes that `state` was taken in.
  mutating func takes(_ state: AdapterState) {
    taken[state.run] = [state.weights] + state.files
    sightings[state.directory] = nil
  }

  /// Looks at `directory` again after `time`, whatever happens until then.
  mutating func looksAgain(in time: Duration, _ directory: FilePath) {
    let instant = clock().advanced(by: time)
    appointments[directory] = min(instant, appointments[directory] ?? instant)
  }
}
