import Kernel
import SystemPackage

extension RunDirectory.Part {
  /// The `trainer_state.json` that was written after `weights`, and, in a checkpoint, whether there still is one to wait
  /// for.
  func trainerState(
    after weights: SourceFile, into reading: inout RunReading
  ) -> (state: JSON?, endIsProven: Bool) {
    let isCheckpoint = RunDirectory.checkpointNumber(directory.path) != nil
    func waiting(_ reason: String) -> (JSON?, Bool) {
      if isCheckpoint { directory.report(reason, .waitsFor("trainer_state.json"), into: &reading) }
      return (nil, false)
    }
    switch trainerState {
    case .value(let json, _, let file):
      guard file.identity.modified >= weights.identity.modified - RunDirectory.startOfTrainer else {
        return waiting("trainer_state.json is older than the weights")
      }
      return (json, isCheckpoint)
    case .missing: return waiting("trainer_state.json, which a checkpoint gets last, is not there")
    case .torn(let reason): return waiting(reason)
    case .refused(let refusal): return waiting("trainer_state.json cannot be read: \(refusal.reason)")
    }
  }

  /// Where the training was, and whether that was its end, by what its trainer says beside the weights.
  func position(_ trainerState: JSON?) -> (step: Int?, isFinal: Bool) {
    let step = trainerState?["global_step"]?.int
    if let checkpoint = RunDirectory.checkpointNumber(directory.path) {
      return (step ?? checkpoint, step != nil && step == trainerState?["max_steps"]?.int)
    }
    // With load_best_model_at_end the last weights that are saved are not the last that were trained.
    let best = trainerState?["best_model_checkpoint"]?.string.flatMap { RunDirectory.checkpointNumber(FilePath($0)) }
    return (best == nil || best == step ? step : nil, true)
  }

  /// Adds the state in `adapter_model.safetensors`.
  func readPEFT(in tree: ConfinedTree, into reading: inout RunReading) throws(SystemError) {
    let name = FilePath(AdapterFormat.peft.weightsName)
    guard let weights = try directory.weights(name, .peft, config, in: tree, into: &reading) else { return }
    let (trainerState, endIsProven) = trainerState(after: weights.file, into: &reading)
    let (step, isFinal) = position(trainerState)
    reading.states.append(
      state(.peft, weights, trainerState, step: step, isFinal: isFinal, endIsProven: endIsProven, twin: nil))
  }

  func state(
    _ format: AdapterFormat, _ weights: RunDirectory.Weights, _ trainerState: JSON?, step: Int?, isFinal: Bool,
    endIsProven: Bool, twin: AdapterState.Twin?
  ) -> AdapterState {
    AdapterState(
      format: format, directory: directory.path, run: directory.run, weights: weights.file, header: weights.header,
      config: config, configBytes: configBytes, files: files, trainerState: trainerState, runMeta: runMeta, step: step,
      isFinal: isFinal, endIsProven: endIsProven, twin: twin)
  }
}
