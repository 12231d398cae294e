import Kernel
import SystemPackage

/// Finds out what lies in the outputs of trainings: which runs, and of each run which whole states of its adapter.
///
/// Only names, headers and small JSON files are read, never the weights' data. All of it blocks: call it on a worker.
package struct AdapterReader: Sendable {
  /// The directory that trainings write below.
  package let outputs: FilePath
  private let isExcluded: @Sendable (FilePath) -> Bool

  /// - Parameters:
  ///   - outputs: The directory that trainings write below; no path is read that leads out of it.
  ///   - isExcluded: Which directories are never entered.
  package init(outputs: FilePath, isExcluded: @escaping @Sendable (FilePath) -> Bool = { _ in false }) {
    self.outputs = outputs
    self.isExcluded = isExcluded
  }

  /// The run that what lies in `directory` belongs to: the nearest directory that is not itself `adapters`, `final` or
  /// `checkpoint-N`; ``outputs`` if there is none.
  package func run(of directory: FilePath) -> FilePath {
    var run = directory
    while run != outputs, run.starts(with: outputs), let name = run.lastComponent {
      guard RunDirectory.isPart(name.bytes) else { return run }
      run.removeLastComponent()
    }
    return outputs
  }

  /// Whether a directory is named as a checkpoint is: what lies in it has an end mark.
  package static func isCheckpoint(_ directory: FilePath) -> Bool {
    let bytes = directory.bytes
    let name = bytes.lastIndex(of: UInt8(ascii: "/")).map { bytes[($0 + 1)...] } ?? bytes[...]
    return name.starts(with: "checkpoint-".utf8)
  }

  /// The run's own name, `{directory}` in a configuration, safe to print.
  package func name(of run: FilePath) -> String { run.lastComponent?.shown ?? run.shown }

  /// The run's path below ``outputs`` with `-` for `/`, `{path}` in a configuration, safe to print; ``outputs``'s own name
  /// for ``outputs`` itself.
  package func path(of run: FilePath) -> String {
    var below = run
    guard below.removePrefix(outputs), !below.isEmpty else { return name(of: run) }
    return below.components.map(\.shown).joined(separator: "-")
  }

  /// Looks at all of `run`: its own directory and, in it, `adapters`, `final` and every `checkpoint-N`.
  ///
  /// What is deleted meanwhile is as if it had not been there.
  ///
  /// - Throws: ``SystemError`` if ``outputs`` cannot be opened, or for what is not the doing of one file, e.g. `EMFILE`.
  package func read(run: FilePath) throws(SystemError) -> RunReading {
    let tree = try ConfinedTree(at: outputs)
    var reading = RunReading()
    let root = RunDirectory(run, run: run)
    let entries = try root.list(in: tree, refusals: &reading.refusals)
    let shared = try root.shared(entries, in: tree, reading: &reading)
    try read(root, entries, shared, in: tree, into: &reading)
    reading.states = Self.withTwins(Self.newestFirst(reading.states))
    return reading
  }

  private func read(
    _ directory: RunDirectory, _ entries: [DirectoryEntry], _ shared: RunDirectory.Shared,
    in tree: ConfinedTree, into reading: inout RunReading
  ) throws(SystemError) {
    reading.links += directory.links(among: entries)
    try directory.read(entries, shared, in: tree, into: &reading)
    for entry in entries where entry.kind == .directory && RunDirectory.isPart(entry.name) {
      let part = RunDirectory(directory.path.pushing(FilePath(bytes: entry.name)), run: directory.run)
      guard !isExcluded(part.path) else { continue }
      try read(part, try part.list(in: tree, refusals: &reading.refusals), shared, in: tree, into: &reading)
    }
  }

  /// Gives states whose step is not known the checkpoint that they may be equal to.
  private static func withTwins(_ states: [AdapterState]) -> [AdapterState] {
    states.map { state in
      guard state.step == nil, state.twin == nil else { return state }
      let alike = states.filter { other in
        other.directory != state.directory && other.header == state.header
          && other.weights.identity.size == state.weights.identity.size
      }
      let twins = alike.compactMap { other in other.step.map { AdapterState.Twin(weights: other.weights, step: $0) } }
      return state.with(twin: twins.max { $0.step < $1.step })
    }
  }
}

extension AdapterState {
  fileprivate func with(twin: Twin?) -> AdapterState {
    AdapterState(
      format: format, directory: directory, run: run, weights: weights, header: header, config: config,
      configBytes: configBytes, files: files, trainerState: trainerState, runMeta: runMeta, step: step,
      isFinal: isFinal, endIsProven: endIsProven, twin: twin)
  }
}
