import CLinux
import Glibc
import Kernel
import SystemPackage

/// Does with a tree what processes do with trees, in an order that the dice decide.
///
/// Its state is what lies on the disk: each operation picks its victims by walking down from the root at random. What
/// cannot be done, such as moving a directory into itself, is tried and refused by the kernel.
///
/// Left out is only what inotify(7) cannot tell of where it happens: bytes and times changed through another of a file's
/// hard links.
struct TreeOperations {
  let root: FilePath
  /// A directory on the same file system that nobody watches.
  let outside: FilePath
  var dice: Dice
  /// How often each operation was done.
  private(set) var counts: [String: Int] = [:]
  private(set) var refused = 0
  var held: [(file: FileDescriptor, inode: UInt64)] = []
  var number = 0

  init(root: FilePath, outside: FilePath, dice: Dice) {
    self.root = root
    self.outside = outside
    self.dice = dice
  }

  var total: Int { counts.values.reduce(0, +) }

  private typealias Operation = (name: String, weight: Int, body: @Sendable (inout TreeOperations) throws -> Void)

  private static let operations: [Operation] = [
    ("create", 10, { try $0.create() }), ("write in place", 10, { try $0.writeInPlace() }),
    ("truncate", 4, { try $0.truncate() }), ("replace by rename", 8, { try $0.replace() }),
    ("rename file", 8, { try $0.renameFile() }), ("rename directory", 10, { try $0.renameDirectory() }),
    ("move out", 4, { try $0.moveOut() }), ("move in", 6, { try $0.moveIn() }),
    ("change outside", 3, { try $0.changeOutside() }), ("make deep", 6, { try $0.makeDeep() }),
    ("delete file", 8, { try $0.deleteFile() }), ("delete tree", 2, { try $0.deleteTree() }),
    ("exchange", 4, { try $0.exchangeDirectories() }), ("hard link", 4, { try $0.hardLink() }),
    ("symbolic link", 4, { try $0.symbolicLink() }), ("chmod", 4, { try $0.changeMode() }),
    ("set times", 3, { try $0.setTimes() }), ("sparse", 3, { try $0.sparse() }),
    ("whole adapter", 6, { try $0.copyAdapter(torn: false) }), ("torn adapter", 4, { try $0.copyAdapter(torn: true) }),
    ("adapter moved in", 2, { try $0.moveInAdapter() }), ("hold open", 4, { try $0.hold() }),
    ("let go", 4, { try $0.letGo() }), ("burst", 1, { try $0.burst() }),
  ]
  private static let wheel = operations.flatMap { Array(repeating: $0, count: $0.weight) }

  /// Does one.
  mutating func step() throws {
    let operation = dice.pick(Self.wheel)
    do {
      try operation.body(&self)
      counts[operation.name, default: 0] += 1
    } catch let error as SystemError where Self.isRefusal(error.errno) {
      refused += 1
    } catch let error as Errno where Self.isRefusal(error) {
      refused += 1
    }
  }

  private static func isRefusal(_ error: Errno) -> Bool {
    [
      .noSuchFileOrDirectory, .fileExists, .notDirectory, .isDirectory, .directoryNotEmpty, .invalidArgument,
      .tooManySymbolicLinkLevels, .fileNameTooLong, .permissionDenied, .resourceBusy,
    ].contains(error)
  }

  /// Closes all that is held open.
  mutating func letGoOfAll() throws {
    for (file, _) in held { try file.close() }
    held = []
  }

  /// Deletes about half of what lies in the root.
  mutating func prune() throws {
    for name in try names(in: root) where dice.once(in: 2) { try removeTree(root.pushing(FilePath(bytes: name.bytes))) }
    try removeTree(outside)
    try makeDirectories(outside)
  }

  // MARK: choosing

  /// Some entry of `directory` of this kind; `nil` if there is none.
  mutating func someChild(of directory: FilePath, _ kind: DirectoryEntry.Kind) throws -> FilePath? {
    let names = try ConfinedTree(at: directory).listDirectory(directory).filter { $0.kind == kind }.map(\.name)
      .sorted { $0.lexicographicallyPrecedes($1) }
    return names.isEmpty ? nil : directory.pushing(FilePath(bytes: dice.pick(names)))
  }

  /// Some directory at or below `top`.
  mutating func someDirectory(below top: FilePath? = nil) throws -> FilePath {
    var path = top ?? root
    for _ in 0..<8 {
      guard !dice.once(in: 3), let next = try someChild(of: path, .directory) else { break }
      path = next
    }
    return path
  }

  /// Some directory below the root.
  mutating func someInnerDirectory() throws -> FilePath {
    let directory = try someDirectory()
    if directory == root { throw Errno.noSuchFileOrDirectory }
    return directory
  }

  /// Some file, and how many names it has.
  mutating func someFile() throws -> (path: FilePath, links: Int) {
    for _ in 0..<4 {
      guard let path = try someChild(of: someDirectory(), .regularFile) else { continue }
      var status = stat()
      guard path.withPlatformString({ lstat($0, &status) }) == 0 else { throw Errno(rawValue: errno) }
      return (path, Int(status.st_nlink))
    }
    throw Errno.noSuchFileOrDirectory
  }

  /// Some file that has no other name.
  mutating func someOwnFile() throws -> FilePath {
    let (path, links) = try someFile()
    if links > 1 { throw Errno.invalidArgument }
    return path
  }

  mutating func newPath(_ names: [[UInt8]], in directory: FilePath) throws -> FilePath {
    let path = directory.pushing(FilePath(bytes: dice.pick(names)))
    // Long paths have a test of their own; here they would only be slow.
    if path.bytes.count > 600 { throw Errno.fileNameTooLong }
    return path
  }

  mutating func someBytes() -> [UInt8] {
    let byte = UInt8(dice.roll(0...255))
    return [UInt8](repeating: byte, count: dice.roll(0...200))
  }

  /// Throws the error number of a system call that failed.
  func check(_ result: CInt) throws {
    if result != 0 { throw Errno(rawValue: errno) }
  }
}
