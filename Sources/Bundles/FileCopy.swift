import CLinux
import Kernel
import SystemPackage

/// Copies the first `size` bytes of the open file `source` to the new file at `target`: by reflink where the file
/// system can share the bytes (ioctl_ficlone(2)), else piece by piece; hashed in one read either way.
///
/// - Returns: the digests of what was written, which is on the disk then.
/// - Throws: ``SystemError``; `ENODATA` if `source` is shorter.
package func copy(
  _ source: borrowing OwnedDescriptor, size: Int64, to target: FilePath
) throws(SystemError) -> FileDigests {
  let file = try createFile(target)
  let isShared = clinux_ficlone(file.raw, source.raw) == 0
  var builder = DigestBuilder(size: size)
  var offset: Int64 = 0
  while offset < size {
    // Large enough for speed, small enough for memory.
    let count = Int(min(1 << 20, size - offset))
    let piece =
      isShared
      ? try file.read(from: offset, count: count, path: target)
      : try source.read(from: offset, count: count, path: target)
    guard !piece.isEmpty else { throw SystemError("copy", target, .noData) }
    if !isShared { try file.write(piece, path: target) }
    piece.withUnsafeBytes { builder.update($0) }
    offset += Int64(piece.count)
  }
  try file.synchronize(path: target)
  return builder.finish()
}
