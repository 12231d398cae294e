import FoundationEssentials
import Glibc
import SystemPackage

/// A file that is open for writing, closed when nobody holds it any more.
final class OpenFile: Sendable {
  let descriptor: FileDescriptor

  init(_ descriptor: FileDescriptor) {
    self.descriptor = descriptor
  }

  deinit {
    try? descriptor.close()
  }
}

/// Runs a system call that returns -1 when it fails.
func check(_ what: String, _ path: FilePath, _ call: () -> CInt) throws(ReplayError) {
  while call() == -1 {
    let saved = Errno(rawValue: errno)
    if saved != .interrupted { throw ReplayError("\(what): \(saved)", path) }
  }
}

func makeDirectory(_ path: FilePath) throws(ReplayError) {
  var status = stat()
  let exists = path.withPlatformString { stat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
  if !exists { try check("mkdir", path) { path.withPlatformString { mkdir($0, 0o777) } } }
}

func makeDirectories(_ path: FilePath) throws(ReplayError) {
  var status = stat()
  let parent = path.removingLastComponent()
  if !parent.isEmpty, parent.withPlatformString({ stat($0, &status) }) != 0 { try makeDirectories(parent) }
  try makeDirectory(path)
}

func readBytes(_ path: FilePath) throws(ReplayError) -> [UInt8] {
  do {
    let file = OpenFile(try FileDescriptor.open(path, .readOnly, options: .closeOnExec))
    let size = Int(try file.descriptor.seek(offset: 0, from: .end))
    return try [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
      while filled < size {
        let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
        let count = try file.descriptor.read(fromAbsoluteOffset: Int64(filled), into: rest)
        if count == 0 { break }
        filled += count
      }
    }
  } catch {
    throw ReplayError("cannot be read: \(error)", path)
  }
}

func writeBytes(_ bytes: [UInt8], to path: FilePath) throws(ReplayError) {
  do {
    let permissions = FilePermissions(rawValue: 0o666)
    let options: FileDescriptor.OpenOptions = [.create, .truncate, .closeOnExec]
    let file = OpenFile(try FileDescriptor.open(path, .writeOnly, options: options, permissions: permissions))
    try file.descriptor.writeAll(bytes)
  } catch {
    throw ReplayError("cannot be written: \(error)", path)
  }
}

/// The names in a folder, sorted.
func entries(of directory: FilePath) throws(ReplayError) -> [String] {
  do {
    return try FileManager.default.contentsOfDirectory(atPath: directory.string).sorted()
  } catch {
    throw ReplayError("cannot be listed: \(error)", directory)
  }
}

/// Copies the tree at `source` into `target` with the files' times, since readers go by them.
func copyTree(_ source: FilePath, to target: FilePath) throws(ReplayError) {
  try makeDirectories(target)
  for name in try entries(of: source) {
    let from = source.appending(name)
    let to = target.appending(name)
    var status = stat()
    try check("stat", from) { from.withPlatformString { lstat($0, &status) } }
    if status.st_mode & S_IFMT == S_IFDIR {
      try copyTree(from, to: to)
      continue
    }
    try writeBytes(try readBytes(from), to: to)
    let times = [status.st_atim, status.st_mtim]
    try check("utimensat", to) { to.withPlatformString { utimensat(AT_FDCWD, $0, times, 0) } }
  }
}
