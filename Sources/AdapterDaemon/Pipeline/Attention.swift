import Adapters
import SystemPackage
import Watching

/// What the pipeline has in mind between two looks: directories that are still being written to, and findings that
/// may yet change, with how long they have lasted.
struct Attention {
  /// For how long a file that a trainer is known to write last is waited for, and a torn or contradicting state is
  /// taken for one that is about to change.
  static let patience: Duration = .seconds(60)

  private struct Waiting {
    let reason: String
    let since: ContinuousClock.Instant
    /// Whether it has lasted too long, and was looked at because of that.
    var isOver = false
  }

  private(set) var settler: Settler<ContinuousClock>
  private var waiting: [FilePath: Waiting] = [:]
  private var appointments: [FilePath: ContinuousClock.Instant] = [:]
  private let patience: Duration
  /// What was taken in last of each run: the same again is no news.
  private var taken: [FilePath: [SourceFile]] = [:]

  /// - Parameters:
  ///   - settle: How long a directory must be quiet.
  ///   - patience: How long a finding may last before it counts as final.
  init(settle: Duration, patience: Duration = Self.patience) {
    settler = Settler(quiet: settle, clock: ContinuousClock())
    self.patience = max(patience, settle)
  }

  mutating func touch(_ directory: FilePath) {
    settler.touch(directory)
    waiting[directory] = nil
  }

  mutating func settled() -> [FilePath] { settler.settled() }

  /// Notes that `directory` lacks something.
  ///
  /// - Returns: whether that has lasted for as long as anybody waits.
  mutating func waits(_ directory: FilePath, for reason: String) -> Bool {
    guard let known = waiting[directory], known.reason == reason else {
      waiting[directory] = Waiting(reason: reason, since: .now)
      return false
    }
    return .now - known.since >= patience
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
  }

  /// Looks at `directory` again at `time`, whatever happens until then.
  mutating func looksAgain(at time: ContinuousClock.Instant, _ directory: FilePath) {
    appointments[directory] = time
  }

  /// The directories that are due for another look although nothing happened in them; each is given once.
  mutating func overdue() -> [FilePath] {
    let now = ContinuousClock.now
    var due = appointments.filter { $0.value <= now }.map(\.key)
    for directory in due { appointments[directory] = nil }
    for (directory, wait) in waiting where !wait.isOver && now - wait.since >= patience {
      waiting[directory]?.isOver = true
      due.append(directory)
    }
    return due
  }

  /// When the next look is due although nothing happens.
  var nextDeadline: ContinuousClock.Instant? {
    let patient = waiting.values.filter { !$0.isOver }.map { $0.since + patience }
    return (patient + appointments.values + [settler.nextDeadline].compactMap { $0 }).min()
  }
}
