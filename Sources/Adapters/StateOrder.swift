import Kernel
import SystemPackage

extension AdapterReader {
  /// Puts the states of one run into the order in which they came to be, the newest first.
  ///
  /// Times alone would do if nobody copied outputs: so checkpoints whose logs show that they are of one training go by
  /// their steps, and what a training leaves at its end comes after the checkpoint that was written with it.
  static func newestFirst(_ states: [AdapterState]) -> [AdapterState] {
    var trainings = trainings(states)
    var ordered: [AdapterState] = []
    while let latest = trainings.map(\.time).max() {
      let next = trainings.indices.max { left, right in
        trainings[left].rank(latest: latest) < trainings[right].rank(latest: latest)
      }
      guard let next, let state = trainings[next].states.popLast() else { break }
      ordered.append(state)
      if trainings[next].states.isEmpty { trainings.remove(at: next) }
    }
    return ordered
  }

  /// Sorts checkpoints into trainings by their logs; each other state stands for itself.
  private static func trainings(_ states: [AdapterState]) -> [Training] {
    var trainings: [Training] = []
    for state in states.sorted(by: { ($0.step ?? 0) < ($1.step ?? 0) }) {
      let log = state.trainerState?["log_history"]?.array ?? []
      let earlier = trainings.indices.filter { trainings[$0].isEarlier(than: state, log: log) }
      if let same = earlier.max(by: { trainings[$0].log.count < trainings[$1].log.count }) {
        trainings[same].states.append(state)
        trainings[same].log = log
      } else {
        trainings.append(Training(states: [state], log: log))
      }
    }
    return trainings
  }

  private struct Training {
    /// By step, the newest last.
    var states: [AdapterState]
    /// The log of the newest.
    var log: [JSON]

    /// When the training last wrote weights.
    var time: Int64 { states.map(\.weights.identity.modified).max() ?? .min }

    /// Whether `state`, whose log is `log`, is of the same training and further on.
    func isEarlier(than state: AdapterState, log: [JSON]) -> Bool {
      guard let last = states.last, last.isCheckpoint, state.isCheckpoint, last.step != state.step else { return false }
      return !self.log.isEmpty && log.starts(with: self.log)
    }

    /// The greatest is the next to come in a row of states of which `latest` is the time of the newest.
    func rank(latest: Int64) -> (Int, Int64, Int) {
      guard let state = states.last else { return (0, 0, 0) }
      let isEnd = !state.isCheckpoint && time >= latest - RunDirectory.startOfTrainer
      return (isEnd ? 1 : 0, time, state.step ?? 0)
    }
  }
}

extension AdapterState {
  /// Whether it lies in a `checkpoint-N`.
  var isCheckpoint: Bool { directory != run && RunDirectory.checkpointNumber(directory) != nil }
}
