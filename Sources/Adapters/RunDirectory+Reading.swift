import Kernel
import SystemPackage

extension RunDirectory {
  /// A file of weights that was looked at.
  struct Weights {
    let file: SourceFile
    let header: SafetensorsHeader
    let tensors: LoRATensors
  }

  /// Adds what lies in this directory to `reading`.
  func read(
    _ entries: [DirectoryEntry], _ shared: Shared, in tree: ConfinedTree, into reading: inout RunReading
  ) throws(SystemError) {
    let names = Set(entries.map(\.name))
    let numbered = names.contains { Self.numberedWeights($0) != nil }
    let formats = [AdapterFormat.mlx, .peft].filter { format in
      names.contains(Array(format.weightsName.utf8)) || format == .mlx && numbered
    }
    if formats.isEmpty, refusePickles(names, into: &reading) { return }

    let config: JSON
    let bytes: [UInt8]
    let file: SourceFile
    switch try JSONFile.read("adapter_config.json", of: self, entries, limit: JSONFile.usualLimit, in: tree) {
    case .value(let json, let read, let source): (config, bytes, file) = (json, read, source)
    case .missing:
      if !formats.isEmpty {
        report("adapter_config.json is not there", .missing("adapter_config.json"), into: &reading)
      }
      return
    case .torn(let reason): return report(reason, .torn, into: &reading)
    case .refused(let refusal): return reading.refusals.append(refusal)
    }
    guard !formats.isEmpty else {
      let isMLX = config["fine_tune_type"] ?? config["lora_parameters"] ?? config["rank"] != nil
      let name = (isMLX ? AdapterFormat.mlx : .peft).weightsName
      return report("there is an adapter_config.json, but no \(name) yet", .missing(name), into: &reading)
    }

    var part = Part(
      directory: self, entries: entries, config: config, configBytes: bytes, configFile: file, runMeta: shared.runMeta)
    part.files = try companions(entries, config: file, shared, in: tree)
    if path != run { part.runMeta = try runMeta(entries, in: tree, reading: &reading) ?? shared.runMeta }
    part.trainerState = try JSONFile.read(
      "trainer_state.json", of: self, entries, limit: JSONFile.logLimit, in: tree)
    for format in formats {
      switch format {
      case .mlx: try part.readMLX(in: tree, into: &reading)
      case .peft: try part.readPEFT(in: tree, into: &reading)
      }
    }
  }

  /// What was found of one directory besides its weights.
  struct Part {
    let directory: RunDirectory
    let entries: [DirectoryEntry]
    let config: JSON
    let configBytes: [UInt8]
    let configFile: SourceFile
    var runMeta: JSON?
    var files: [SourceFile] = []
    var trainerState = JSONFile.missing
  }

  /// Weights that only a pickle holds are never opened: a pickle is a program.
  private func refusePickles(_ names: Set<[UInt8]>, into reading: inout RunReading) -> Bool {
    let pickles = [
      ("adapter_model.bin", "it is a pickle, which is never opened or published: save with safe_serialization=True"),
      (
        "adapters.npz",
        "it is of an old mlx-lm, whose successors cannot load it: train again or convert it to safetensors"
      ),
    ]
    guard let (name, reason) = pickles.first(where: { names.contains(Array($0.0.utf8)) }) else { return false }
    reading.refusals.append(Refusal(directory: path, file: path.appending(name), reason: reason))
    return true
  }

  func report(_ reason: String, _ kind: Incomplete.Kind, into reading: inout RunReading) {
    reading.incomplete.append(Incomplete(directory: path, reason: reason, kind: kind))
  }

  /// Looks at the weights in the file `name`.
  ///
  /// - Returns: `nil` if they cannot be published now; why is then in `reading`. If they are gone, nothing is.
  func weights(
    _ name: FilePath, _ format: AdapterFormat, _ config: JSON, in tree: ConfinedTree,
    into reading: inout RunReading
  ) throws(SystemError) -> Weights? {
    let path = path.pushing(name)
    func refusal(_ reason: String) -> Refusal { Refusal(directory: self.path, file: path, reason: reason) }
    let header: SafetensorsHeader
    let identity: FileIdentity
    let writers: Writers
    let isSparse: Bool
    do throws(SystemError) {
      let file = try tree.openFile(path)
      // Asked first: who opens it later changes what is seen of it then, and that is looked at again when it is copied.
      writers = try file.writers(path: path)
      let (read, found) = try SafetensorsHeader.read(file, path: path)
      isSparse = file.hasHoles(size: found.size)
      switch read {
      case .whole(let whole): (header, identity) = (whole, found)
      case .torn(let reason):
        report("\(name.shown) is not whole: \(reason)", .torn, into: &reading)
        return nil
      case .broken(let reason):
        reading.refusals.append(refusal("it is broken: \(reason)"))
        return nil
      }
    } catch {
      if error.isAbsence { return nil }
      guard let reason = Unreadable.reason(error) else { throw error }
      reading.refusals.append(refusal(reason))
      return nil
    }
    if let reason = Self.whyNoAdapter(header, format, config) {
      reading.refusals.append(refusal(reason))
      return nil
    }
    guard let tensors = LoRATensors(header) else { return nil }
    if let reason = Agreement.disagreement(of: config, tensors) {
      report(reason, .disagrees, into: &reading)
      return nil
    }
    switch writers {
    case .some:
      report("\(name.shown) is still open for writing", .heldOpen, into: &reading)
      return nil
    case .unknown where isSparse:
      report("\(name.shown) has its size, but some of it was never written", .sparse, into: &reading)
    case .none, .unknown: break
    }
    return Weights(file: SourceFile(path: path, identity: identity), header: header, tensors: tensors)
  }

  /// Why whole weights are none that can be published as an adapter of `format`; `nil` if they are.
  private static func whyNoAdapter(_ header: SafetensorsHeader, _ format: AdapterFormat, _ config: JSON) -> String? {
    if format == .mlx, config["fine_tune_type"]?.string == "full" {
      return "it is a full fine-tune (fine_tune_type \"full\"), not an adapter"
    }
    guard let first = header.tensors.first else { return "it holds no tensors" }
    if format == .peft, let type = config["peft_type"]?.string, type != "LORA" {
      return "it is of peft_type \(type); only LORA is supported"
    }
    guard let tensors = LoRATensors(header) else {
      return "it holds no LoRA tensors but e.g. `\(first.name)`: a full fine-tune, not an adapter"
    }
    guard tensors.format == format else {
      return "its tensors are named as \(tensors.format.rawValue) names them, not as \(format.weightsName) has them"
    }
    return nil
  }
}
