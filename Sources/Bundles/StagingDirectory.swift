import Kernel
import SystemPackage

/// A directory in which a bundle comes into being, file by file; what it holds counts only when it is sealed.
struct StagingDirectory: ~Copyable {
  let path: FilePath
  private(set) var files: [Manifest.File] = []

  /// Makes the directory at `path`, which must not exist, with its parents.
  ///
  /// - Throws: ``BundleError/unwritable(_:)``.
  init(at path: FilePath) throws(BundleError) {
    self.path = path
    do throws(SystemError) {
      try makeDirectories(path)
    } catch {
      throw .unwritable(error)
    }
  }

  /// Writes a file of `bytes`.
  ///
  /// - Throws: ``BundleError/unwritable(_:)``.
  mutating func write(_ name: String, _ bytes: [UInt8]) throws(BundleError) {
    let target = path.appending(name)
    do throws(SystemError) {
      let file = try createFile(target)
      try file.write(bytes, path: target)
      try file.synchronize(path: target)
    } catch {
      throw .unwritable(error)
    }
    files.append(Manifest.File(path: name, size: Int64(bytes.count), digests: FileDigests(of: bytes)))
  }

  /// Takes in the open file `source` under `name`: by reflink where the file system can share the bytes, else by a
  /// copy; hashed in one read either way, and proven not to have changed meanwhile.
  ///
  /// - Parameters:
  ///   - source: The file, read from its beginning.
  ///   - expected: Its identity when it was judged.
  ///   - origin: Its path, for errors.
  /// - Throws: ``BundleError/changed(_:)`` if it is, or becomes meanwhile, another than `expected`, or somebody has it
  ///   open for writing: what is written by mmap(2) need not show in its identity.
  mutating func take(
    _ source: borrowing OwnedDescriptor, as name: String, expected: FileIdentity, origin: FilePath
  ) throws(BundleError) {
    guard try identity(of: source, origin) == expected, try writers(of: source, origin) != .some else {
      throw .changed(origin)
    }
    let digests: FileDigests
    do throws(SystemError) {
      digests = try copy(source, size: expected.size, to: path.appending(name))
    } catch {
      throw error.errno == .noData ? .changed(origin) : .unwritable(error)
    }
    guard try identity(of: source, origin) == expected else { throw .changed(origin) }
    files.append(Manifest.File(path: name, size: expected.size, digests: digests))
  }

  private func writers(of source: borrowing OwnedDescriptor, _ origin: FilePath) throws(BundleError) -> Writers {
    do throws(SystemError) { return try source.writers(path: origin) } catch { throw .unreadable(error) }
  }

  private func identity(
    of source: borrowing OwnedDescriptor, _ origin: FilePath
  ) throws(BundleError) -> FileIdentity {
    do throws(SystemError) { return try FileIdentity(of: source, path: origin) } catch { throw .unreadable(error) }
  }
}
