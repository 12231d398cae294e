import Glibc
import Kernel
import SystemPackage

/// `status.json` in the runtime directory: what the daemon is doing now, for `adapterd status` and anyone who may read.
///
/// A reader sees one whole state or the one before, never a part: it is written beside and renamed.
package struct StatusFile: Sendable {
  /// Where it is.
  package var path: FilePath { directory.appending("status.json") }
  private let directory: FilePath

  /// - Parameter directory: `$RUNTIME_DIRECTORY`, or its like; made at the first write if it is missing.
  package init(directory: FilePath) {
    self.directory = directory
  }

  /// Replaces the file. It blocks, if shortly: the directory is in memory.
  ///
  /// Nothing is synchronised to a disk, since after a crash of the machine there is no state to tell.
  ///
  /// - Throws: ``SystemError`` of the call that failed; then the file is as it was.
  package func write(_ json: [UInt8]) throws(SystemError) {
    try makeDirectories(directory)
    // A name of its own for each write, or two writers would mix their bytes.
    let temporary = directory.appending(".status.json.\(String(UInt64.random(in: .min ... .max), radix: 16))")
    let file = try createFile(temporary)
    do throws(SystemError) {
      try file.write(json, path: temporary)
      try Self.makeReadable(file, temporary)
      try Kernel.rename(temporary, to: path, replacing: true)
    } catch {
      try? removeTree(temporary)
      throw error
    }
  }

  /// Removes the file, so that nobody takes the last state of a daemon that ended for the present one.
  ///
  /// - Throws: ``SystemError`` of unlink(2); that there is no file is no error.
  package func remove() throws(SystemError) {
    try removeTree(path)
  }

  /// Whatever the umask is: other users may ask for the status.
  private static func makeReadable(_ file: borrowing OwnedDescriptor, _ path: FilePath) throws(SystemError) {
    let raw = file.raw
    do throws(Errno) {
      _ = try retryingInterrupts { fchmod(raw, 0o644) }
    } catch {
      throw SystemError("chmod", path, error)
    }
  }
}
