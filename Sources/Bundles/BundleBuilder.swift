import Adapters
import DownloadTracking
import Kernel
import SystemPackage

/// Makes immutable bundles out of adapter states.
///
/// All of it blocks: it belongs on a ``Worker``.
package struct BundleBuilder: Sendable {
  private let outputs: FilePath
  private let cache: BaseModelCache
  private let rules: CountingRules

  /// - Parameters:
  ///   - outputs: The tree out of which no read leads.
  ///   - cache: Where the base model's own files may be found.
  ///   - rules: How the Hub counts.
  package init(outputs: FilePath, cache: BaseModelCache, rules: CountingRules = .builtIn) {
    self.outputs = outputs
    self.cache = cache
    self.rules = rules
  }

  /// Stages the bundle of `state` as the new directory `destination`: the files in `files/`, `manifest.json` beside it.
  /// Nothing is at `destination` unless it is whole.
  ///
  /// - Throws: ``BundleError``; nothing is left behind then.
  package func build(_ state: AdapterState, settings: BundleSettings, at destination: FilePath) throws(BundleError)
    -> AdapterBundle
  {
    let partial = FilePath(bytes: destination.bytes + Array(".partial".utf8))
    do throws(SystemError) {
      try removeTree(partial)
    } catch {
      throw .unwritable(error)
    }
    do throws(BundleError) {
      let staged = try stage(state, settings: settings, in: partial, as: destination)
      do throws(SystemError) {
        try replaceFile(partial.appending("manifest.json"), with: Array(staged.manifest.json.serialized().utf8))
        try rename(partial, to: destination, replacing: false)
      } catch {
        throw .unwritable(error)
      }
      return staged
    } catch {
      // The first error is the one to report; what could not be removed is removed before the next try.
      try? removeTree(partial)
      throw error
    }
  }

  private func stage(
    _ state: AdapterState, settings: BundleSettings, in directory: FilePath, as destination: FilePath
  ) throws(BundleError) -> AdapterBundle {
    let tree: ConfinedTree
    do throws(SystemError) { tree = try ConfinedTree(at: outputs) } catch { throw .unreadable(error) }
    var staging = try StagingDirectory(at: directory.appending("files"))

    // The weights first: the longest copy, and the one whose source changes most.
    try take(state.weights, as: state.weightsName, from: tree, into: &staging)
    try checkHeader(of: staging.path.appending(state.weightsName), against: state)

    var own: [String: [UInt8]] = [:]
    for file in state.files where AllowList.permits(file.name) {
      if Companions.tokenizer.contains(file.name), file.name != "tokenizer_config.json" {
        try take(file, as: file.name, from: tree, into: &staging)
      } else {
        own[file.name] = try read(file, from: tree)
      }
    }
    own["adapter_config.json"] = state.configBytes

    var notes: [String] = []
    let card = try ownCard(own["README.md"], of: state)
    let step = state.step ?? step(ofTwinOf: state, weights: staging.files[0], from: tree)
    let record = AdapterRecord(state: state, step: step, settings: settings, card: card, cache: cache)
    let model = ModelCard(record: record, format: state.format, repo: settings.repo, template: settings.cardTemplate)

    var texts: [String: String] = [
      "LICENSE-THIRD-PARTY.md": model.thirdPartyLicenses, "MODEL_CARD.md": try model.modelCard(),
      "USAGE.md": model.usage,
    ]
    for (name, bytes) in own where name.hasSuffix(".md") { texts[name] = text(bytes) }
    texts["README.md"] = try model.readme(keeping: card)
    texts["adapter_config.json"] = redacted(own["adapter_config.json"], base: record.text("base_model"))
    texts["tokenizer_config.json"] = redacted(own["tokenizer_config.json"], base: record.text("base_model"))
    texts["run_meta.json"] = runMeta(state.runMeta, record: record)
    let needsConfig = rules.rule(for: model.library) == .standard
    switch settings.configJSON {
    case .never: break
    case .auto where !needsConfig:
      notes.append(
        "no config.json: library \(model.library) does not count it, and current transformers cannot load a folder that has one; its fields are in run_meta.json"
      )
    case .always where !needsConfig:
      notes.append(
        "config.json is in the bundle as config_json = \"always\" asks: library \(model.library) does not count it, and current transformers cannot load such a folder"
      )
      fallthrough
    case .auto, .always: texts["config.json"] = JSON.object(record.json).serialized()
    }
    for (name, text) in texts.sorted(by: { $0.key < $1.key }) { try staging.write(name, Array(text.utf8)) }
    let manifest = Manifest(files: staging.files)
    return AdapterBundle(
      directory: destination, manifest: manifest, step: step,
      verdict: Verdict(paths: manifest.files.map(\.path), library: model.library, rules: rules), notes: notes)
  }

  private func ownCard(_ bytes: [UInt8]?, of state: AdapterState) throws(BundleError) -> FrontMatter? {
    guard let bytes else { return nil }
    do throws(FrontMatter.Invalid) {
      return try FrontMatter(parsing: text(bytes))
    } catch {
      throw .invalid(file: "README.md", reason: "\(error.description); mend it in \(state.directory.shown)")
    }
  }

  /// The user's own `run_meta.json` with what is missing in it.
  private func runMeta(_ own: JSON?, record: AdapterRecord) -> String {
    var object =
      own?.object.map { Redaction.redacted(.object($0), base: record.text("base_model")).object ?? [:] } ?? [:]
    for member in record.json.members { object[member.key] = member.value }
    return JSON.object(object).serialized()
  }

  private func redacted(_ bytes: [UInt8]?, base: String?) -> String? {
    guard let bytes else { return nil }
    guard let json = try? JSON(parsing: bytes, pythonNumbers: true) else { return nil }
    return Redaction.redacted(json, base: base).serialized(indent: indentation(of: bytes))
  }

  /// Spaces before the first key, so that a copy looks like its original.
  private func indentation(of bytes: [UInt8]) -> Int {
    guard let newline = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return 2 }
    let spaces = bytes[(newline + 1)...].prefix { $0 == UInt8(ascii: " ") }.count
    return (1...8).contains(spaces) ? spaces : 2
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  /// The step of the checkpoint that a final state equals byte for byte, if there is one: only then is it certain.
  private func step(
    ofTwinOf state: AdapterState, weights: Manifest.File, from tree: ConfinedTree
  ) -> Int? {
    guard let twin = state.twin, let digests = try? digests(of: twin.weights, from: tree) else { return nil }
    return digests == weights.digests ? twin.step : nil
  }

  private func digests(of file: SourceFile, from tree: ConfinedTree) throws(SystemError) -> FileDigests {
    let open = try tree.openFile(file.path)
    var builder = DigestBuilder(size: file.identity.size)
    var offset: Int64 = 0
    while case let piece = try open.read(from: offset, count: 1 << 20, path: file.path), !piece.isEmpty {
      piece.withUnsafeBytes { builder.update($0) }
      offset += Int64(piece.count)
    }
    return builder.finish()
  }

  private func take(
    _ file: SourceFile, as name: String, from tree: ConfinedTree, into staging: inout StagingDirectory
  ) throws(BundleError) {
    let open: OwnedDescriptor
    do throws(SystemError) { open = try tree.openFile(file.path) } catch { throw Self.refusal(error) }
    try staging.take(open, as: name, expected: file.identity, origin: file.path)
  }

  private func read(_ file: SourceFile, from tree: ConfinedTree) throws(BundleError) -> [UInt8] {
    do throws(SystemError) {
      let (bytes, identity) = try tree.readFile(file.path, limit: 16 << 20)
      guard identity == file.identity else { throw SystemError("read", file.path, .resourceTemporarilyUnavailable) }
      return bytes
    } catch {
      throw Self.refusal(error)
    }
  }

  private static func refusal(_ error: SystemError) -> BundleError {
    switch error.path {
    case let path? where error.isAbsence: .vanished(path)
    case let path? where error.errno == .resourceTemporarilyUnavailable: .changed(path)
    default: .unreadable(error)
    }
  }

  /// The copy's own header must be the one that was judged: the proof is on what leaves, not on what was looked at.
  private func checkHeader(of copy: FilePath, against state: AdapterState) throws(BundleError) {
    do throws(SystemError) {
      let tree = try ConfinedTree(at: copy.removingLastComponent())
      guard case .whole(let header) = try SafetensorsHeader.read(copy, in: tree), header == state.header else {
        throw SystemError("read", state.weights.path, .resourceTemporarilyUnavailable)
      }
    } catch {
      throw error.errno == .resourceTemporarilyUnavailable ? .changed(state.weights.path) : .unwritable(error)
    }
  }
}
