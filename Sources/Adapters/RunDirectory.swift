import Kernel
import SystemPackage

/// One directory of a run, in which weights may lie.
struct RunDirectory {
  let path: FilePath
  let run: FilePath

  init(_ path: FilePath, run: FilePath) {
    self.path = path
    self.run = run
  }

  /// Nanoseconds that a trainer at least takes from its start to the first weights that it writes. A file that is older
  /// than what is written together with it by more than that is of an earlier training; by less, a copy of both may have
  /// made it older.
  static let startOfTrainer: Int64 = 2_000_000_000

  /// What lies in the run's own directory and goes for all its states.
  struct Shared {
    var runMeta: JSON?
    /// The descriptions that the user keeps there.
    var descriptions: [SourceFile] = []
  }

  /// Whether a directory of this name is part of the run above it.
  static func isPart(_ name: [UInt8]) -> Bool {
    name == Array("adapters".utf8) || name == Array("final".utf8) || checkpointNumber(name) != nil
  }

  /// The N of `checkpoint-N`.
  static func checkpointNumber(_ path: FilePath) -> Int? { path.lastComponent.flatMap { checkpointNumber($0.bytes) } }

  private static func checkpointNumber(_ name: [UInt8]) -> Int? {
    guard name.starts(with: "checkpoint-".utf8) else { return nil }
    return number(name.dropFirst("checkpoint-".utf8.count))
  }

  /// The N of `000000N_adapters.safetensors`, mlx-lm's name for the weights after N iterations.
  static func numberedWeights(_ name: [UInt8]) -> Int? {
    let suffix = Array("_adapters.safetensors".utf8)
    guard name.count >= suffix.count + 7, name.suffix(suffix.count) == suffix[...] else { return nil }
    return number(name.dropLast(suffix.count))
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    return Int(String(decoding: digits, as: UTF8.self))
  }

  /// The names in the directory; none if it is gone or may not be read.
  func list(
    in tree: ConfinedTree, refusals: inout [Refusal]
  ) throws(SystemError) -> [DirectoryEntry] {
    do throws(SystemError) {
      return try tree.listDirectory(path).sorted { $0.name.lexicographicallyPrecedes($1.name) }
    } catch {
      switch error.errno {
      case .noSuchFileOrDirectory, .notDirectory, .tooManySymbolicLinkLevels, .improperLink: return []
      default:
        guard let reason = Unreadable.reason(error) else { throw error }
        refusals.append(Refusal(directory: path, file: path, reason: reason))
        return []
      }
    }
  }

  /// The first symbolic links among `entries`, but hidden ones and those that are refused by name when they are read.
  func links(among entries: [DirectoryEntry]) -> [FilePath] {
    let refused = [AdapterFormat.mlx, .peft].map(\.weightsName) + ["adapter_config.json"]
    let links = entries.lazy.filter { entry in
      entry.kind == .symbolicLink && entry.name.first != UInt8(ascii: ".")
        && !refused.contains { entry.name == Array($0.utf8) }
    }
    return links.prefix(20).map { path.pushing(FilePath(bytes: $0.name)) }
  }

  /// Reads what goes for all states of the run.
  func shared(
    _ entries: [DirectoryEntry], in tree: ConfinedTree, reading: inout RunReading
  ) throws(SystemError) -> Shared {
    Shared(
      runMeta: try runMeta(entries, in: tree, reading: &reading),
      descriptions: try files(Companions.descriptions, entries, in: tree))
  }

  /// Everything in `entries` that may go along with weights beside it, and what the run has besides.
  func companions(
    _ entries: [DirectoryEntry], config: SourceFile, _ shared: Shared, in tree: ConfinedTree
  ) throws(SystemError) -> [SourceFile] {
    let beside = try files(Companions.tokenizer.union(Companions.descriptions), entries, in: tree) + [config]
    let names = Set(beside.map(\.name))
    return (beside + shared.descriptions.filter { !names.contains($0.name) }).sorted { $0.name < $1.name }
  }

  private func files(
    _ names: Set<String>, _ entries: [DirectoryEntry], in tree: ConfinedTree
  ) throws(SystemError) -> [SourceFile] {
    var files: [SourceFile] = []
    for entry in entries where entry.kind == .regularFile {
      let name = String(decoding: entry.name, as: UTF8.self)
      guard names.contains(name) else { continue }
      let path = path.appending(name)
      do throws(SystemError) {
        let identity = try FileIdentity(of: try tree.openFile(path), path: path)
        files.append(SourceFile(path: path, name: name, identity: identity))
      } catch {
        // Whatever it was, an adapter is whole without it.
        guard Unreadable.reason(error) != nil || error.isAbsence else { throw error }
      }
    }
    return files
  }

  /// `run_meta.json` in the directory, if it is there.
  func runMeta(
    _ entries: [DirectoryEntry], in tree: ConfinedTree, reading: inout RunReading
  ) throws(SystemError) -> JSON? {
    switch try JSONFile.read("run_meta.json", of: self, entries, limit: JSONFile.usualLimit, in: tree) {
    case .value(let json, _, _): return json
    case .missing: return nil
    case .torn(let reason):
      reading.incomplete.append(Incomplete(directory: path, reason: reason, kind: .waitsFor("run_meta.json")))
    case .refused(let refusal): reading.refusals.append(refusal)
    }
    return nil
  }
}
