import Adapters
import CLinux
import Glibc
import Kernel
import SystemPackage

@testable import Watching

/// What is known of a tree by looking at one directory after the other: what a consumer of marks knows.
///
/// Nothing here looks at more than it is told to: what was not marked, or not marked again, is missing or old. Paths are
/// kept as bytes: in a debug build that is many times as fast.
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
  private(set) var directories: [[UInt8]: [[UInt8]: Entry]] = [:]
  /// The names of the directories that were looked at, by the one that they are in.
  private var inside: [[UInt8]: Set<[UInt8]>] = [:]
  /// What the reader said, which goes by names alone.
  private var runs: [FilePath: FilePath] = [:]
  private(set) var adapters: [[UInt8]: Set<Adapter>] = [:]
  /// Directories that were looked at, once for each time.
  private(set) var looks = 0

  init(root: FilePath, exclusions: Exclusions) {
    self.root = root
    self.exclusions = exclusions
    reader = AdapterReader(outputs: root) { exclusions.excludesDirectory($0) }
  }

  /// Lists `marked`, and reads the runs that they belong to.
  mutating func look(at marked: some Collection<FilePath>) throws {
    let tree = try ConfinedTree(at: root)
    for directory in marked { try look(at: directory, in: tree) }
    for run in Set(marked.map { run(of: $0) }) {
      let found = try Set(
        reader.read(run: run).states.map { state in
          Adapter(weights: .init(state.weights), files: state.files.map(Adapter.Part.init), step: state.step)
        })
      adapters[run.bytes] = found.isEmpty ? nil : found
    }
  }

  private mutating func look(at directory: FilePath, in tree: ConfinedTree) throws {
    looks += 1
    let path = directory.bytes
    guard let listing = try list(directory, in: tree) else { return forget(path) }
    directories[path] = listing
    if directory != root, let slash = path.lastIndex(of: Self.slash) {
      inside[Array(path[..<slash]), default: []].insert(Array(path[(slash + 1)...]))
    }
    for name in inside[path] ?? [] where listing[name] != .directory {
      inside[path]?.remove(name)
      forget(path + [Self.slash] + name)
    }
  }

  private mutating func run(of directory: FilePath) -> FilePath {
    if let run = runs[directory] { return run }
    let run = reader.run(of: directory)
    runs[directory] = run
    return run
  }

  static let slash = UInt8(ascii: "/")

  /// Looks at all of `known`, and forgets what is not among them.
  mutating func lookAtEverything(_ known: [FilePath]) throws {
    for gone in Set(directories.keys).subtracting(known.map(\.bytes)) { forget(gone) }
    try look(at: known)
  }

  /// Takes out `directory` and all below it.
  private mutating func forget(_ directory: [UInt8]) {
    let prefix = directory + [Self.slash]
    func isGone(_ path: [UInt8]) -> Bool { path == directory || path.starts(with: prefix) }
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
    let prefix = directory.bytes + [Self.slash]
    for entry in entries {
      switch entry.kind {
      case .directory:
        if !exclusions.excludesDirectory(root, named: entry.name) { listing[entry.name] = .directory }
      case _ where exclusions.ignoresFile(named: entry.name): break
      case .regularFile:
        var status = stat()
        // Gone between the two looks: its event is on the way.
        guard lstat((prefix + entry.name + [0]).map { CChar(bitPattern: $0) }, &status) == 0 else { continue }
        let modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        listing[entry.name] = .file(inode: UInt64(status.st_ino), size: Int64(status.st_size), modified: modified)
      case .symbolicLink, .other: listing[entry.name] = .other
      }
    }
    return listing
  }
}

extension TreePicture {
  /// A picture of all that is there now, by a walk of its own.
  func fresh() throws -> TreePicture {
    var picture = TreePicture(root: root, exclusions: exclusions)
    picture.runs = runs
    var (ahead, all) = ([root], [FilePath]())
    while let directory = ahead.popLast() {
      all.append(directory)
      for entry in try ConfinedTree(at: root).listDirectory(directory) where entry.kind == .directory {
        if exclusions.excludesDirectory(root, named: entry.name) { continue }
        ahead.append(directory.pushing(FilePath(bytes: entry.name)))
      }
    }
    try picture.look(at: all)
    return picture
  }

  /// Where this picture is not the same as `other`, in words.
  func differences(from other: TreePicture) -> [String] {
    var differences: [String] = []
    for path in Set(directories.keys).union(other.directories.keys) where directories[path] != other.directories[path] {
      let (mine, theirs) = (directories[path], other.directories[path])
      guard let mine, let theirs else {
        differences.append("\(shown(path)): \(mine == nil ? "not known" : "known but not there")")
        continue
      }
      for name in Set(mine.keys).union(theirs.keys) where mine[name] != theirs[name] {
        differences.append(
          "\(shown(path)): \(shown(name)): \(Self.text(mine[name])), but is \(Self.text(theirs[name]))")
      }
    }
    for run in Set(adapters.keys).union(other.adapters.keys) where adapters[run] != other.adapters[run] {
      differences.append(
        "\(shown(run)): adapters \(Self.text(adapters[run])), but there are \(Self.text(other.adapters[run]))")
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
