import CLinux
import Glibc
import Kernel
import SystemPackage

/// What is done with single files.
extension TreeOperations {
  mutating func create() throws {
    let path = try newPath(OddNames.files, in: someDirectory())
    try createFile(path).write(someBytes(), path: path)
  }

  mutating func writeInPlace() throws {
    let file = try FileDescriptor.open(someOwnFile(), .readWrite, options: [.noFollow, .closeOnExec])
    try file.closeAfter {
      try file.seek(offset: Int64(dice.roll(0...300)), from: .start)
      _ = try file.writeAll(someBytes())
    }
  }

  mutating func truncate() throws {
    let file = try FileDescriptor.open(someOwnFile(), .readWrite, options: [.noFollow, .closeOnExec])
    try file.closeAfter { try file.resize(to: Int64(dice.roll(0...400))) }
  }

  mutating func replace() throws {
    let path = try newPath(OddNames.files, in: someDirectory())
    number += 1
    let temporary = path.removingLastComponent().appending(dice.pick([".tmp\(number)", "new-\(number)"]))
    try createFile(temporary).write(someBytes(), path: temporary)
    try rename(temporary, to: path, replacing: true)
  }

  mutating func renameFile() throws {
    let from = try someFile().path
    try rename(from, to: newPath(OddNames.files, in: someDirectory()), replacing: dice.once(in: 2))
  }

  mutating func deleteFile() throws {
    let path = try someFile().path
    try removeTree(path)
  }

  mutating func hardLink() throws {
    let path = try someFile().path
    let inode = try FileIdentity(of: path).inode
    if held.contains(where: { $0.inode == inode }) { throw Errno.resourceBusy }
    let new = try newPath(OddNames.files, in: someDirectory())
    try check(path.withPlatformString { from in new.withPlatformString { link(from, $0) } })
  }

  mutating func symbolicLink() throws {
    let targets = [FilePath("."), FilePath(".."), root, outside, try someDirectory(), try someFile().path, "nowhere"]
    let path = try newPath(OddNames.files + OddNames.directories, in: someDirectory())
    // One that leads to itself as well.
    let target = dice.pick(targets + [path])
    try check(target.withPlatformString { to in path.withPlatformString { symlink(to, $0) } })
  }

  mutating func changeMode() throws {
    let isFile = dice.once(in: 2)
    let path = try isFile ? someFile().path : someDirectory()
    let mode = dice.pick(isFile ? [0o600, 0o644, 0o400, 0o755] : [0o700, 0o755, 0o711])
    try check(path.withPlatformString { chmod($0, mode_t(mode)) })
  }

  mutating func setTimes() throws {
    let times = [timespec(tv_sec: dice.roll(0...2_000_000_000), tv_nsec: dice.roll(0...999_999_999))]
    try check(someOwnFile().withPlatformString { utimensat(AT_FDCWD, $0, times + times, AT_SYMLINK_NOFOLLOW) })
  }

  mutating func sparse() throws {
    let path = try newPath(OddNames.files, in: someDirectory())
    let file = try createFile(path)
    try file.descriptor.resize(to: Int64(dice.roll(1...1_000_000)))
    if dice.once(in: 2) { try file.write(someBytes(), path: path) }
  }

  /// Opens a file and goes on; it may be moved or deleted before it is closed.
  mutating func hold() throws {
    if held.count >= 8 { throw Errno.resourceBusy }
    let path = try someOwnFile()
    let file = try FileDescriptor.open(path, .readWrite, options: [.noFollow, .closeOnExec])
    held.append((file, try FileIdentity(of: path).inode))
  }

  mutating func letGo() throws {
    if held.isEmpty { throw Errno.noSuchFileOrDirectory }
    let file = held.remove(at: dice.roll(0...(held.count - 1))).file
    try file.closeAfter { _ = try file.writeAll(someBytes()) }
  }

  mutating func burst() throws {
    let directory = try someDirectory()
    let count = dice.roll(1...100)
    for index in 0..<count {
      let path = directory.appending("burst-\(index)")
      try removeTree(path)
      try createFile(path).write(someBytes(), path: path)
    }
    for index in 0..<count where !dice.once(in: 20) { try removeTree(directory.appending("burst-\(index)")) }
  }
}
