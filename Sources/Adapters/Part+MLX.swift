import Kernel
import SystemPackage

extension RunDirectory.Part {
  /// Weights under the name that mlx-lm gives them after `step` iterations.
  private struct Numbered {
    let weights: RunDirectory.Weights
    let step: Int
    var time: Int64 { weights.file.identity.modified }
  }

  /// Adds the state in `adapters.safetensors`; if that is not whole, the newest numbered one.
  func readMLX(in tree: ConfinedTree, into reading: inout RunReading) throws(SystemError) {
    let name = FilePath(AdapterFormat.mlx.weightsName)
    let numbered = try numbered(in: tree)
    let incompleteBefore = reading.incomplete.count
    guard let weights = try directory.weights(name, .mlx, config, in: tree, into: &reading) else {
      let disagrees = reading.incomplete.dropFirst(incompleteBefore).contains { $0.kind == .disagrees }
      if !disagrees, let newest = newest(numbered.filter { !isLeftover($0.weights.file) }) {
        let isFinal = newest.step == iterations
        reading.states.append(
          state(.mlx, newest.weights, nil, step: newest.step, isFinal: isFinal, endIsProven: false, twin: nil))
      }
      return
    }
    let (trainerState, endIsProven) = trainerState(after: weights.file, into: &reading)
    if RunDirectory.checkpointNumber(directory.path) != nil {
      let (step, isFinal) = position(trainerState)
      reading.states.append(
        state(.mlx, weights, trainerState, step: step, isFinal: isFinal, endIsProven: endIsProven, twin: nil))
      return
    }
    let isOfEarlierRun = isLeftover(weights.file)
    if isOfEarlierRun {
      directory.report(
        "adapter_config.json is newer than the weights: another training may have begun (if none has, touch the weights)",
        .waitsFor(AdapterFormat.mlx.weightsName), into: &reading)
    }
    let (step, twin) = position(of: weights, among: numbered, isOfEarlierRun: isOfEarlierRun)
    if !isOfEarlierRun, expectsNumber, step == nil || numbered.isEmpty {
      directory.report(
        "the numbered copy that mlx-lm makes of each save is not there", .waitsFor("a numbered copy"), into: &reading)
    }
    reading.states.append(
      state(
        .mlx, weights, trainerState, step: step, isFinal: step != nil && step == iterations && !isOfEarlierRun,
        endIsProven: false, twin: twin))
  }

  /// Whether mlx-lm saves at least once before its end: then each save has a numbered copy right after it.
  private var expectsNumber: Bool {
    guard let saveEvery = config["save_every"]?.int, let iterations else { return false }
    return saveEvery > 0 && saveEvery <= iterations
  }

  private var iterations: Int? { config["iters"]?.int }

  /// Whether the weights `file` were written before the configuration, by more than copying both can make of it. mlx-lm
  /// writes the configuration when it starts; Unsloth, whose configuration has PEFT's keys as well, after the weights.
  private func isLeftover(_ file: SourceFile) -> Bool {
    config["peft_type"] == nil
      && file.identity.modified < configFile.identity.modified - RunDirectory.startOfTrainer
  }

  /// The numbered weights that can be of the training that the configuration is of.
  private func numbered(in tree: ConfinedTree) throws(SystemError) -> [Numbered] {
    var numbered: [Numbered] = []
    for entry in entries {
      guard let step = RunDirectory.numberedWeights(entry.name), step <= iterations ?? .max else { continue }
      // What is wrong with one of them is nobody's concern: the state is the file without a number.
      var ignored = RunReading()
      let name = FilePath(bytes: entry.name)
      if let weights = try directory.weights(name, .mlx, config, in: tree, into: &ignored) {
        numbered.append(Numbered(weights: weights, step: step))
      }
    }
    return numbered
  }

  private func newest(_ numbered: [Numbered]) -> Numbered? {
    numbered.max { ($0.time, $0.step) < ($1.time, $1.step) }
  }

  /// After how many iterations `weights` were saved, if that is certain; else the file that they may be equal to.
  ///
  /// mlx-lm saves every `save_every` iterations, each time to `adapters.safetensors` and then to a numbered file; and once
  /// more to `adapters.safetensors` at its end.
  private func position(
    of weights: RunDirectory.Weights, among numbered: [Numbered], isOfEarlierRun: Bool
  ) -> (step: Int?, twin: AdapterState.Twin?) {
    let alike = numbered.filter { other in
      other.weights.header == weights.header && other.weights.file.identity.size == weights.file.identity.size
        && (isOfEarlierRun || !isLeftover(other.weights.file))
    }
    let saveEvery = config["save_every"]?.int
    guard let newest = newest(alike) else {
      // Without a numbered file only the end has written them, or nobody can tell.
      guard !isOfEarlierRun, let iterations else { return (nil, nil) }
      let hasNumbers = entries.contains { RunDirectory.numberedWeights($0.name) != nil }
      return (!hasNumbers || saveEvery.map { iterations < $0 } == true ? iterations : nil, nil)
    }
    if newest.time >= weights.file.identity.modified { return (newest.step, nil) }
    if !isOfEarlierRun, let iterations {
      if newest.step == iterations { return (iterations, nil) }
      // Newer than the last numbered file that there can be: the end.
      if let saveEvery, saveEvery > 0, newest.step == iterations / saveEvery * saveEvery { return (iterations, nil) }
    }
    return (nil, AdapterState.Twin(weights: newest.weights.file, step: newest.step))
  }
}
