import Glibc
import Kernel
import SystemPackage

/// Carries a ``TornSchedule`` out, with the system calls that it names.
struct TornWriter {
  let directory: FilePath
  let bytes: [UInt8]
  private var file: FileDescriptor?
  private var mapping: UnsafeMutableRawBufferPointer?

  init(_ bytes: [UInt8], in directory: FilePath) {
    self.directory = directory
    self.bytes = bytes
  }

  mutating func write(by schedule: TornSchedule) async throws {
    do {
      for step in schedule.steps {
        if case .pause(let milliseconds) = step {
          try await Task.sleep(for: .milliseconds(milliseconds))
        } else {
          try perform(step)
        }
      }
    } catch {
      try? close()
      throw error
    }
  }

  private mutating func perform(_ step: TornSchedule.Step) throws {
    switch step {
    case .open(let name, let truncating):
      let options: FileDescriptor.OpenOptions = [.create, .closeOnExec]
      file = try FileDescriptor.open(
        directory.appending(name), .readWrite, options: truncating ? options.union(.truncate) : options,
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
    case .write(let range):
      if let mapping {
        UnsafeMutableRawBufferPointer(rebasing: mapping[range]).copyBytes(from: bytes[range])
      } else {
        _ = try file?.writeAll(toAbsoluteOffset: Int64(range.lowerBound), bytes[range])
      }
    case .resize(let size): try file?.resize(to: Int64(size))
    case .allocate(let size):
      let failure = posix_fallocate(file?.rawValue ?? -1, 0, off_t(size))
      if failure != 0 { throw Errno(rawValue: failure) }
    case .map:
      let address = mmap(nil, bytes.count, PROT_READ | PROT_WRITE, MAP_SHARED, file?.rawValue ?? -1, 0)
      guard let address, address != MAP_FAILED else { throw Errno(rawValue: errno) }
      mapping = UnsafeMutableRawBufferPointer(start: address, count: bytes.count)
      try file?.close()
      file = nil
    case .close: try close()
    case .rename(let old, let new): try rename(directory.appending(old), to: directory.appending(new), replacing: true)
    case .link(let old, let new):
      let (old, new) = (directory.appending(old), directory.appending(new))
      let result = old.withPlatformString { from in new.withPlatformString { Glibc.link(from, $0) } }
      if result != 0 { throw Errno(rawValue: errno) }
    case .remove(let name): try removeTree(directory.appending(name))
    case .pause: break
    }
  }

  private mutating func close() throws {
    if let mapping { munmap(mapping.baseAddress, mapping.count) }
    mapping = nil
    try file?.close()
    file = nil
  }
}
