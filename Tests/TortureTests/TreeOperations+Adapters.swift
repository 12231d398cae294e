import CLinux
import Glibc
import Kernel
import SystemPackage
import TestSupport

/// Adapters, as trainers and copies leave them.
extension TreeOperations {
  private static let adapters: [[(name: String, bytes: [UInt8])]] = ["mlx-lora/adapters", "peft-lora/run1/final"].map {
    let directory = FilePath(Fixtures.root.string + "/outputs/" + $0)
    return ((try? names(in: directory)) ?? []).filter {
      !["0000020_adapters.safetensors", "0000030_adapters.safetensors"].contains($0.string)
    }.map {
      ($0.string, (try? contents(directory.appending($0))) ?? [])
    }
  }

  mutating func copyAdapter(torn: Bool) throws {
    try place(adapter(torn: torn), in: someDirectory())
  }

  /// The files of a real one in the order in which they are written; of a torn one something is missing.
  mutating func adapter(torn: Bool) -> [(name: String, bytes: [UInt8])] {
    var files = dice.pick(Self.adapters).shuffled(using: &dice)
    if torn {
      let index = dice.roll(0...(files.count - 1))
      files[index].bytes.removeLast(dice.roll(1...files[index].bytes.count))
    }
    return files
  }

  mutating func place(_ files: [(name: String, bytes: [UInt8])], in directory: FilePath) throws {
    try makeDirectories(directory)
    for (name, bytes) in files { try place(bytes, at: directory.appending(name)) }
  }

  /// Writes in place, but never through another of the file's names: there it would make no event.
  mutating func place(_ bytes: [UInt8], at path: FilePath) throws {
    var status = stat()
    if path.withPlatformString({ lstat($0, &status) }) == 0,
      status.st_nlink > 1 || status.st_mode & S_IFMT != S_IFREG || held.contains(where: { $0.inode == status.st_ino })
    {
      try removeTree(path)
    }
    let file = try FileDescriptor.open(
      path, .writeOnly, options: [.create, .truncate, .noFollow, .closeOnExec],
      permissions: [.ownerReadWrite, .groupRead, .otherRead])
    try file.closeAfter { _ = try file.writeAll(bytes) }
  }
}
