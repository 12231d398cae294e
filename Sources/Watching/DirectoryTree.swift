import Kernel
import SystemPackage

/// Which directories are known, under which names, and by which watches: bookkeeping only, it asks the kernel nothing.
///
/// A directory knows its name and its parent, so a renamed one takes all below it along, and an event's path is made when
/// it is needed. Names are bytes.
struct DirectoryTree: Sendable {
  typealias ID = Int

  private struct Node {
    let name: [UInt8]
    let parent: ID?
    var children: [[UInt8]: ID] = [:]
    var watch: CInt?
    var kind = FileSystemKind.local
  }

  private var nodes: [ID: Node] = [:]
  private var byWatch: [CInt: ID] = [:]
  private var withoutWatch: Set<ID> = []
  private var nextID = 0

  /// The directory that the tree begins with, if there is one now.
  private(set) var root: ID?

  var count: Int { nodes.count }
  var watchCount: Int { byWatch.count }
  /// The directories that have no watch, because there was none to be had or none is wanted.
  var unwatched: Set<ID> { withoutWatch }

  func contains(_ id: ID) -> Bool { nodes[id] != nil }
  func directory(watchedBy watch: CInt) -> ID? { byWatch[watch] }
  func watch(of id: ID) -> CInt? { nodes[id]?.watch }
  func parent(of id: ID) -> ID? { nodes[id]?.parent }
  func child(_ name: [UInt8], of id: ID) -> ID? { nodes[id]?.children[name] }
  func childNames(of id: ID) -> [[UInt8]] { nodes[id].map { Array($0.children.keys) } ?? [] }

  /// Whether `id` is `other` or lies above it.
  func isAncestor(_ id: ID, of other: ID) -> Bool {
    var current: ID? = other
    while let here = current {
      if here == id { return true }
      current = nodes[here]?.parent
    }
    return false
  }

  /// Begins anew with the root alone.
  mutating func begin(watch: CInt?) -> ID {
    end()
    let id = add(Node(name: [], parent: nil, watch: watch))
    root = id
    return id
  }

  /// Forgets everything.
  mutating func end() {
    nodes = [:]
    byWatch = [:]
    withoutWatch = []
    root = nil
  }

  /// Adds the directory `name` in `parent`, which is known and does not have it yet.
  mutating func insert(_ name: [UInt8], in parent: ID, watch: CInt?) -> ID {
    let id = add(Node(name: name, parent: parent, watch: watch))
    nodes[parent]?.children[name] = id
    return id
  }

  func kind(of id: ID) -> FileSystemKind { nodes[id]?.kind ?? .local }
  mutating func setKind(_ kind: FileSystemKind, of id: ID) { nodes[id]?.kind = kind }

  mutating func setWatch(_ watch: CInt?, of id: ID) {
    if let before = nodes[id]?.watch { byWatch[before] = nil }
    nodes[id]?.watch = watch
    note(watch, of: id)
  }

  /// The directory at `path`, if it is known, where the tree's root is at `base`.
  func directory(at path: FilePath, from base: FilePath) -> ID? {
    guard path.bytes.starts(with: base.bytes) else { return nil }
    var current = root
    for name in path.bytes.dropFirst(base.bytes.count).split(separator: UInt8(ascii: "/")) {
      current = current.flatMap { nodes[$0]?.children[Array(name)] }
    }
    return current
  }

  /// Forgets `id` and all below it.
  ///
  /// - Returns: the watches that they had.
  mutating func remove(_ id: ID) -> [CInt] {
    guard let node = nodes[id] else { return [] }
    if let parent = node.parent { nodes[parent]?.children[node.name] = nil }
    if id == root { root = nil }
    var watches: [CInt] = []
    var pending = [id]
    while let next = pending.popLast() {
      guard let gone = nodes.removeValue(forKey: next) else { continue }
      pending += gone.children.values
      withoutWatch.remove(next)
      if let watch = gone.watch {
        byWatch[watch] = nil
        watches.append(watch)
      }
    }
    return watches
  }

  /// The path of `id`, where the tree's root is at `base`.
  func path(of id: ID, from base: FilePath) -> FilePath {
    var names: [[UInt8]] = []
    var current = nodes[id]
    while let node = current, let parent = node.parent {
      names.append(node.name)
      current = nodes[parent]
    }
    if names.isEmpty { return base }
    return FilePath(bytes: base.bytes + names.reversed().flatMap { [UInt8(ascii: "/")] + $0 })
  }

  /// All paths, the root's first, each before those below it, siblings in the order of their names' bytes.
  func paths(from base: FilePath) -> [FilePath] {
    guard let root else { return [] }
    var paths: [FilePath] = []
    var pending = [(root, base.bytes)]
    while let (id, path) = pending.popLast() {
      paths.append(FilePath(bytes: path))
      let children = (nodes[id]?.children ?? [:]).sorted { $1.key.lexicographicallyPrecedes($0.key) }
      pending += children.map { ($0.value, path + [UInt8(ascii: "/")] + $0.key) }
    }
    return paths
  }

  private mutating func add(_ node: Node) -> ID {
    let id = nextID
    nextID += 1
    nodes[id] = node
    note(node.watch, of: id)
    return id
  }

  private mutating func note(_ watch: CInt?, of id: ID) {
    if let watch {
      byWatch[watch] = id
      withoutWatch.remove(id)
    } else {
      withoutWatch.insert(id)
    }
  }
}
