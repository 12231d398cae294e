import Kernel
import SystemPackage

extension SafetensorsHeader {
  /// Looks at the file at `path`: its size, the 8 bytes of the length, the header; never the data.
  ///
  /// - Throws: ``SystemError`` of opening or reading it, see `ConfinedTree.openFile`.
  package static func read(_ path: FilePath, in tree: ConfinedTree) throws(SystemError) -> Reading {
    try read(try tree.openFile(path), path: path).reading
  }

  /// Looks at the open file `file`.
  ///
  /// - Parameter path: For errors only.
  /// - Returns: what its header says, and the identity that the file had before and after, if it is whole.
  /// - Throws: ``SystemError`` of reading it.
  static func read(
    _ file: borrowing OwnedDescriptor, path: FilePath
  ) throws(SystemError) -> (reading: Reading, identity: FileIdentity) {
    let before = try FileIdentity(of: file, path: path)
    let reading = try read(file, size: UInt64(clamping: before.size), path: path)
    let after = try FileIdentity(of: file, path: path)
    return (before == after ? reading : .torn("it is being written"), after)
  }

  private static func read(
    _ file: borrowing OwnedDescriptor, size: UInt64, path: FilePath
  ) throws(SystemError) -> Reading {
    guard size > 0 else { return .torn("it is empty") }
    // Enough to tell a header from zeros, a web page or a pickle, without taking up to 100 MB for it.
    let start = try file.read(from: 0, count: 4096, path: path)
    guard start.count >= 8 else { return .torn("it ends inside the 8 bytes of its header's length") }
    let length = start[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let first = start[8...].prefix(Int(clamping: length))

    if start.allSatisfy({ $0 == 0 }) { return .torn("it has its size but holds only zeros so far") }
    if length > longest { return .broken(strangeBeginning(start)) }
    guard length > 0 else { return .broken("its header has the length 0") }
    if !first.isEmpty, first.allSatisfy({ $0 == 0 }) { return .torn("its header is not written yet") }
    if let byte = first.first(where: { !isSpace($0) }), byte != UInt8(ascii: "{") {
      return .broken("its header is not a JSON object")
    }
    guard size >= 8 + length else {
      return .torn("it ends inside its header: \(size) of at least \(8 + length) bytes")
    }

    let bytes = try file.read(from: 8, count: Int(length), path: path)
    guard bytes.count == Int(length) else { return .torn("it ends inside its header") }
    if bytes.last == 0 { return .torn("its header is not all written yet") }
    let header: SafetensorsHeader
    do throws(InvalidHeader) {
      header = try SafetensorsHeader(parsing: bytes)
    } catch {
      return .broken(error.reason)
    }
    let (end, overflow) = (8 + length).addingReportingOverflow(header.dataSize)
    if overflow || size < end { return .torn("it ends inside its data: \(size) of \(end) bytes") }
    if size > end { return .broken("it has \(size - end) bytes after its last tensor") }
    return .whole(header)
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) && byte != 0x0B }

  /// What a file is whose first bytes cannot be a header's length: what one meets in practice.
  private static func strangeBeginning(_ start: [UInt8]) -> String {
    if start.starts(with: "version https://git-lfs".utf8) { return "it is a Git LFS pointer, not the file itself" }
    if start.starts(with: "<".utf8) { return "it is a web page, not a safetensors file" }
    if start.starts(with: "PK".utf8) { return "it is a zip archive or a PyTorch pickle, not a safetensors file" }
    return "it claims a header longer than the 100 MB that the format allows"
  }
}
