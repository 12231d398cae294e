import CLinux
import Glibc
import SystemPackage

/// Creates the new file at `path` for reading and writing; the umask decides who else may read it.
///
/// - Throws: ``SystemError`` of open(2), `EEXIST` if something is there.
package func createFile(_ path: FilePath, mode: mode_t = 0o644) throws(SystemError) -> OwnedDescriptor {
  do throws(Errno) {
    return OwnedDescriptor(
      owning: try retryingInterrupts {
        path.withPlatformString { open($0, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode) }
      })
  } catch {
    throw SystemError("create", path, error)
  }
}

/// Makes the directory `path` and those above it that are missing.
///
/// - Throws: ``SystemError`` of mkdir(2).
package func makeDirectories(_ path: FilePath, mode: mode_t = 0o755) throws(SystemError) {
  func make(_ path: FilePath) -> Errno? {
    do throws(Errno) {
      _ = try retryingInterrupts { path.withPlatformString { mkdir($0, mode) } }
      return nil
    } catch {
      return error
    }
  }
  switch make(path) {
  case nil: return
  case .noSuchFileOrDirectory? where !path.removingLastComponent().isEmpty && path.lastComponent != nil:
    try makeDirectories(path.removingLastComponent(), mode: mode)
    if let failure = make(path), failure != .fileExists { throw SystemError("make directory", path, failure) }
  case .fileExists?:
    // A symbolic link to a directory will do: the place is the administrator's choice.
    var status = stat()
    guard path.withPlatformString({ fstatat(AT_FDCWD, $0, &status, 0) }) == 0,
      status.st_mode & Glibc.S_IFMT == Glibc.S_IFDIR
    else {
      throw SystemError("make directory", path, .notDirectory)
    }
  case let failure?: throw SystemError("make directory", path, failure)
  }
}

/// Removes `path` and, if it is a directory, all that is in it; symbolic links are removed, not followed. Nothing there
/// is fine.
///
/// - Throws: ``SystemError`` of the first removal that failed.
package func removeTree(_ path: FilePath) throws(SystemError) {
  let identity: FileIdentity
  do throws(SystemError) {
    identity = try FileIdentity(of: path)
  } catch {
    if error.errno == .noSuchFileOrDirectory { return }
    throw error
  }
  if identity.isDirectory {
    for name in try names(in: path) { try removeTree(path.appending(name)) }
  }
  do throws(Errno) {
    _ = try retryingInterrupts { path.withPlatformString { identity.isDirectory ? rmdir($0) : unlink($0) } }
  } catch {
    if error != .noSuchFileOrDirectory { throw SystemError("remove", path, error) }
  }
}

/// The names in a directory but `.` and `..`, in the order of their bytes.
///
/// - Throws: ``SystemError`` of opendir(3).
package func names(in directory: FilePath) throws(SystemError) -> [FilePath.Component] {
  guard let stream = directory.withPlatformString({ opendir($0) }) else {
    throw SystemError("list", directory, Errno(rawValue: errno))
  }
  defer { closedir(stream) }
  var names: [[UInt8]] = []
  while let entry = readdir(stream) {
    let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
    if name != Array(".".utf8), name != Array("..".utf8) { names.append(name) }
  }
  return names.sorted { $0.lexicographicallyPrecedes($1) }.compactMap { FilePath(bytes: $0).lastComponent }
}

/// Puts `old` in the place of `new` in one step.
///
/// - Parameter replacing: Whether something that is at `new` is replaced; if not, `EEXIST`.
/// - Throws: ``SystemError`` of renameat2(2).
package func rename(_ old: FilePath, to new: FilePath, replacing: Bool) throws(SystemError) {
  let flags = replacing ? 0 : CLINUX_RENAME_NOREPLACE
  do throws(Errno) {
    _ = try retryingInterrupts {
      old.withPlatformString { from in
        new.withPlatformString { clinux_renameat2(AT_FDCWD, from, AT_FDCWD, $0, flags) }
      }
    }
  } catch {
    throw SystemError("rename", old, error)
  }
}

/// Writes `bytes` to a new file beside `path` and puts it in its place: a reader sees the old bytes or the new ones.
///
/// - Throws: ``SystemError`` of the call that failed; the old file is then still there.
package func replaceFile(_ path: FilePath, with bytes: [UInt8], mode: mode_t = 0o644) throws(SystemError) {
  let name = path.lastComponent?.bytes ?? []
  let temporary = path.removingLastComponent().pushing(FilePath(bytes: Array(".".utf8) + name + Array(".new".utf8)))
  try removeTree(temporary)
  let file = try createFile(temporary, mode: mode)
  try file.write(bytes, path: temporary)
  try file.synchronize(path: temporary)
  try rename(temporary, to: path, replacing: true)
}

extension OwnedDescriptor {
  /// Writes all of `bytes` at the file's position.
  ///
  /// - Throws: ``SystemError`` of write(2); `path` is for the error only.
  package borrowing func write(_ bytes: [UInt8], path: FilePath) throws(SystemError) {
    let raw = self.raw
    var failure: Errno?
    bytes.withUnsafeBytes { buffer in
      var written = 0
      while written < buffer.count, let base = buffer.baseAddress {
        do throws(Errno) {
          written += try retryingInterrupts { Glibc.write(raw, base + written, buffer.count - written) }
        } catch {
          failure = error
          return
        }
      }
    }
    if let failure { throw SystemError("write", path, failure) }
  }

  /// Waits until the bytes are on the disk, see fsync(2).
  ///
  /// - Throws: ``SystemError``; `path` is for the error only.
  package borrowing func synchronize(path: FilePath) throws(SystemError) {
    let raw = self.raw
    do throws(Errno) {
      _ = try retryingInterrupts { fsync(raw) }
    } catch {
      throw SystemError("synchronize", path, error)
    }
  }
}

/// Puts each of two paths in the place of the other in one step.
///
/// - Throws: ``SystemError`` of renameat2(2).
package func exchange(_ one: FilePath, _ other: FilePath) throws(SystemError) {
  do throws(Errno) {
    _ = try retryingInterrupts {
      one.withPlatformString { from in
        other.withPlatformString { clinux_renameat2(AT_FDCWD, from, AT_FDCWD, $0, CLINUX_RENAME_EXCHANGE) }
      }
    }
  } catch {
    throw SystemError("exchange", one, error)
  }
}
