import Adapters
import Kernel
import SystemPackage
import Watching

/// What is known of a tree by looking at one directory after the other: what a consumer of marks knows.
///
/// Nothing here looks at more than it is told to: what was not marked, or not marked again, is missing or old.
struct TreePicture {
  /// What a name stands for, as far as a mark tells of it. Times of attributes and link counts are not: a link that is
  /// made elsewhere changes them without an event here.
  enum Entry: Equatable {
    case file(inode: UInt64, size: Int64, modified: Int64)
    case directory
    case other
  }

  /// One whole adapter: which file holds its weights, and what goes along.
  struct Adapter: Hashable {
    struct Part: Hashable {
      let path: FilePath
      let inode: UInt64
      let size: Int64
      let modified: Int64

      init(_ file: SourceFile) {
        path = file.path
        inode = file.identity.inode
        size = file.identity.size
        modified = file.identity.modified
      }
    }

    let weights: Part
    let files: [Part]
    let step: Int?
  }

  let root: FilePath
  let exclusions: Exclusions
  private let reader: AdapterReader
  private(set) var directories: [FilePath: [[UInt8]: Entry]] = [:]
  /// The names of the directories that were looked at, by the one that they are in.
  private var inside: [FilePath: Set<[UInt8]>] = [:]
  private(set) var adapters: [FilePath: Set<Adapter>] = [:]
  /// Directories that were looked at, once for each time.
  private(set) var looks = 0

  init(root: FilePath, exclusions: Exclusions) {
    self.root = root
    self.exclusions = exclusions
    reader = AdapterReader(outputs: root) { exclusions.excludesDirectory($0) }
  }

  /// Lists `directory`, and reads the run that it belongs to.
  mutating func look(at directory: FilePath) throws {
    looks += 1
    let tree = try ConfinedTree(at: root)
    if let listing = try list(directory, in: tree) {
      directories[directory] = listing
      if directory != root {
        inside[directory.removingLastComponent(), default: []].insert(directory.lastComponent?.bytes ?? [])
      }
      for name in inside[directory] ?? [] where listing[name] != .directory {
        inside[directory]?.remove(name)
        forget(directory.pushing(FilePath(bytes: name)))
      }
    } else {
      forget(directory)
    }
    let run = reader.run(of: directory)
    adapters[run] = try Set(
      reader.read(run: run).states.map { state in
        Adapter(weights: .init(state.weights), files: state.files.map(Adapter.Part.init), step: state.step)
      })
    if adapters[run]?.isEmpty == true { adapters[run] = nil }
  }

  /// Looks at all of `known`, and forgets what is not among them.
  mutating func lookAtEverything(_ known: [FilePath]) throws {
    for gone in Set(directories.keys).subtracting(known) { forget(gone) }
    for directory in known { try look(at: directory) }
  }

  /// Takes out `directory` and all below it.
  private mutating func forget(_ directory: FilePath) {
    let prefix = directory.bytes + [UInt8(ascii: "/")]
    func isGone(_ path: FilePath) -> Bool { path == directory || path.bytes.starts(with: prefix) }
    for path in directories.keys.filter(isGone) {
      directories[path] = nil
      inside[path] = nil
    }
    for run in adapters.keys.filter(isGone) { adapters[run] = nil }
  }

  /// - Returns: `nil` if there is no such directory.
  private func list(_ directory: FilePath, in tree: ConfinedTree) throws -> [[UInt8]: Entry]? {
    let entries: [DirectoryEntry]
    do throws(SystemError) {
      entries = try tree.listDirectory(directory)
    } catch {
      switch error.errno {
      case .noSuchFileOrDirectory, .notDirectory, .tooManySymbolicLinkLevels: return nil
      default: throw error
      }
    }
    var listing: [[UInt8]: Entry] = [:]
    for entry in entries {
      let path = directory.pushing(FilePath(bytes: entry.name))
      switch entry.kind {
      case .directory:
        if !exclusions.excludesDirectory(path) { listing[entry.name] = .directory }
      case _ where exclusions.ignoresFile(named: entry.name): break
      case .regularFile:
        // Gone between the two looks: its event is on the way.
        guard let identity = try? FileIdentity(of: path) else { continue }
        listing[entry.name] = .file(inode: identity.inode, size: identity.size, modified: identity.modified)
      case .symbolicLink, .other: listing[entry.name] = .other
      }
    }
    return listing
  }
}

extension TreePicture {
  /// A picture of all that is there now, by a walk of its own.
  static func fresh(root: FilePath, exclusions: Exclusions) throws -> TreePicture {
    var picture = TreePicture(root: root, exclusions: exclusions)
    var ahead = [root]
    while let directory = ahead.popLast() {
      try picture.look(at: directory)
      for name in try names(in: directory) {
        let path = directory.pushing(FilePath(bytes: name.bytes))
        if try FileIdentity(of: path).isDirectory, !exclusions.excludesDirectory(path) { ahead.append(path) }
      }
    }
    return picture
  }

  /// Where this picture is not the same as `other`, in words.
  func differences(from other: TreePicture) -> [String] {
    var differences: [String] = []
    for path in Set(directories.keys).union(other.directories.keys) where directories[path] != other.directories[path] {
      let (mine, theirs) = (directories[path], other.directories[path])
      guard let mine, let theirs else {
        differences.append("\(path.shown): \(mine == nil ? "not known" : "known but not there")")
        continue
      }
      for name in Set(mine.keys).union(theirs.keys) where mine[name] != theirs[name] {
        differences.append("\(path.shown): \(shown(name)): \(Self.text(mine[name])), but is \(Self.text(theirs[name]))")
      }
    }
    for run in Set(adapters.keys).union(other.adapters.keys) where adapters[run] != other.adapters[run] {
      differences.append(
        "\(run.shown): adapters \(Self.text(adapters[run])), but there are \(Self.text(other.adapters[run]))")
    }
    return differences.sorted()
  }

  private static func text(_ entry: Entry?) -> String { entry.map { "\($0)" } ?? "nothing" }

  private static func text(_ adapters: Set<Adapter>?) -> String {
    "["
      + (adapters ?? []).map { "\($0.weights.path.shown) \($0.weights.modified) step \($0.step ?? -1)" }.sorted()
      .joined(separator: ", ") + "]"
  }
}
