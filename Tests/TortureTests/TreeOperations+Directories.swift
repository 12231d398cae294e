import Kernel
import SystemPackage

/// What is done with directories and all that is in them.
extension TreeOperations {
  mutating func makeDeep() throws {
    var path = try someDirectory()
    for _ in 0..<dice.roll(1...4) { path = try newPath(OddNames.directories, in: path) }
    try makeDirectories(path)
    if dice.once(in: 2) {
      try createFile(newPath(OddNames.files, in: path)).write(someBytes(), path: path)
    } else if dice.once(in: 2) {
      try place(adapter(torn: dice.once(in: 3)), in: path)
    }
  }

  mutating func renameDirectory() throws {
    let from = try someInnerDirectory()
    try move(from, to: newPath(OddNames.directories, in: someDirectory()))
  }

  mutating func moveOut() throws {
    let from = try someInnerDirectory()
    number += 1
    try move(from, to: outside.appending("out-\(number)"))
  }

  mutating func moveIn() throws {
    guard let from = try someChild(of: outside, .directory) else { throw Errno.noSuchFileOrDirectory }
    try move(from, to: newPath(OddNames.directories, in: someDirectory()))
  }

  /// In what has left the tree.
  mutating func changeOutside() throws {
    let directory = try someDirectory(below: outside)
    if directory == outside { throw Errno.noSuchFileOrDirectory }
    try place(someBytes(), at: newPath(OddNames.files, in: directory))
    if dice.once(in: 2) { try makeDirectories(newPath(OddNames.directories, in: directory)) }
  }

  mutating func exchangeDirectories() throws {
    let (one, other) = (try someInnerDirectory(), try someInnerDirectory())
    try checkLength(of: one, at: other)
    try checkLength(of: other, at: one)
    try exchange(one, other)
  }

  mutating func deleteTree() throws {
    let path = try someInnerDirectory()
    try removeTree(path)
  }

  mutating func moveInAdapter() throws {
    number += 1
    let made = outside.appending("in-\(number)")
    try place(adapter(torn: dice.once(in: 3)), in: dice.once(in: 2) ? made : made.appending("adapters"))
    try move(made, to: newPath(OddNames.directories, in: someDirectory()))
  }

  func move(_ from: FilePath, to new: FilePath) throws {
    try checkLength(of: from, at: new)
    try rename(from, to: new, replacing: true)
  }

  /// So that all below still has a path that can be named.
  func checkLength(of tree: FilePath, at new: FilePath) throws {
    func longest(below directory: FilePath) throws -> Int {
      let length = directory.bytes.count
      return try ConfinedTree(at: directory).listDirectory(directory).map { entry in
        if entry.kind != .directory { return length + 1 + entry.name.count }
        return try longest(below: directory.pushing(FilePath(bytes: entry.name)))
      }.max() ?? length
    }
    if try longest(below: tree) - tree.bytes.count + new.bytes.count > 800 { throw Errno.fileNameTooLong }
  }
}
