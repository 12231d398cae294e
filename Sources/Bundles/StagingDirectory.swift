import CLinux
import Glibc
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
  /// - Throws: ``BundleError/changed(_:)`` if it is, or becomes meanwhile, another than `expected`.
  mutating func take(
    _ source: borrowing OwnedDescriptor, as name: String, expected: FileIdentity, origin: FilePath
  ) throws(BundleError) {
    let target = path.appending(name)
    guard try readable({ () throws(SystemError) in try FileIdentity(of: source, path: origin) }) == expected else {
      throw .changed(origin)
    }
    let file: OwnedDescriptor
    do throws(SystemError) {
      file = try createFile(target)
    } catch {
      throw .unwritable(error)
    }
    let shared = clinux_ficlone(file.raw, source.raw) == 0
    var builder = DigestBuilder(size: expected.size)
    var offset: Int64 = 0
    while offset < expected.size {
      let count = Int(min(Int64(Self.pieceSize), expected.size - offset))
      let piece: [UInt8]
      if shared {
        piece = try writable({ () throws(SystemError) in try file.read(from: offset, count: count, path: target) })
      } else {
        piece = try readable({ () throws(SystemError) in try source.read(from: offset, count: count, path: origin) })
      }
      guard !piece.isEmpty else { throw .changed(origin) }
      if !shared { try writable { () throws(SystemError) in try file.write(piece, path: target) } }
      piece.withUnsafeBytes { builder.update($0) }
      offset += Int64(piece.count)
    }
    guard try readable({ () throws(SystemError) in try FileIdentity(of: source, path: origin) }) == expected else {
      throw .changed(origin)
    }
    try writable { () throws(SystemError) in try file.synchronize(path: target) }
    files.append(Manifest.File(path: name, size: expected.size, digests: builder.finish()))
  }

  /// Bytes that are read at once: large enough for speed, small enough for memory.
  private static let pieceSize = 1 << 20

  private func readable<T>(_ body: () throws(SystemError) -> T) throws(BundleError) -> T {
    do throws(SystemError) { return try body() } catch { throw .unreadable(error) }
  }

  private func writable<T>(_ body: () throws(SystemError) -> T) throws(BundleError) -> T {
    do throws(SystemError) { return try body() } catch { throw .unwritable(error) }
  }
}
