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
    var (trainerState, endIsProven) = trainerState(after: weights.file, into: &reading)
    if RunDirectory.checkpointNumber(directory.path) == nil {
      endIsProven = hasTrainingArguments(after: weights.file, in: directory.path)
      if !endIsProven, try isOfTrainer(in: tree) {
        directory.report(
          "\(Self.trainingArguments), which the Trainer writes last, is not there", .waitsFor(Self.trainingArguments),
          into: &reading)
      }
    }
    let (step, isFinal) = position(trainerState)
    reading.states.append(
      state(.peft, weights, trainerState, step: step, isFinal: isFinal, endIsProven: endIsProven, twin: nil))
  }

  /// What `Trainer.save_model` writes last, after the tokenizer: the end mark where there is no `trainer_state.json`. A
  /// pickle: it is looked for, never opened.
  private static let trainingArguments = "training_args.bin"

  private func hasTrainingArguments(after weights: SourceFile, in path: FilePath) -> Bool {
    guard let identity = try? FileIdentity(of: path.appending(Self.trainingArguments)), identity.isRegularFile else {
      return false
    }
    return identity.modified >= weights.identity.modified
  }

  /// Whether the run's checkpoints show that transformers' Trainer writes it; PEFT alone leaves no end mark.
  private func isOfTrainer(in tree: ConfinedTree) throws(SystemError) -> Bool {
    var ignored: [Refusal] = []
    let run = RunDirectory(directory.run, run: directory.run)
    return try run.list(in: tree, refusals: &ignored).contains { entry in
      let path = directory.run.pushing(FilePath(bytes: entry.name))
      return RunDirectory.checkpointNumber(path) != nil
        && (try? FileIdentity(of: path.appending(Self.trainingArguments)))?.isRegularFile == true
    }
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
