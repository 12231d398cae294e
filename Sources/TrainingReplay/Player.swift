import Glibc
import SystemPackage

/// Does what a recorded trainer did, with its system calls, in its order and at its pace.
///
/// It can be played piece by piece. Files that are being written when it stops stay torn, and open as long as the
/// player lives: what a reader sees of a trainer that is slow, hangs or, when the player goes, was killed.
package struct Player: Sendable {
  /// How to play.
  package struct Options: Sendable {
    /// 2 is twice as fast as recorded, 0 without the recorded pauses.
    package var speed: Double
    /// The longest recorded pause that is kept.
    package var maxGap: Duration
    /// The least pause before each write, rename and close: opens wide the time in which a file is torn.
    package var writeGap: Duration
    /// The least pause before each save: real trainings are slower than the recorded ones.
    package var saveGap: Duration
    /// Whether a second run begins in an empty folder instead of in what the first one left.
    package var noInit: Bool
    /// Never goes on after that many operations.
    package var stopAfter: Int?

    package init(
      speed: Double = 1, maxGap: Duration = .seconds(60), writeGap: Duration = .zero, saveGap: Duration = .zero,
      noInit: Bool = false, stopAfter: Int? = nil
    ) {
      self.speed = speed
      self.maxGap = maxGap
      self.writeGap = writeGap
      self.saveGap = saveGap
      self.noInit = noInit
      self.stopAfter = stopAfter
    }
  }

  /// How far to play.
  package enum Point: Sendable {
    /// Until that many operations are done.
    case operation(Int)
    /// To the end of the save of that number, from 1; 0 stops right before the first save.
    case save(Int)
    case end
  }

  package let recording: Recording
  /// How many operations are done.
  package private(set) var played = 0

  private let data: FilePath
  private let target: FilePath
  private let options: Options
  private var started = false
  private var open: [String: Writing] = [:]
  /// How often each file was opened: which version of its bytes comes next.
  private var openings: [String: Int] = [:]

  private struct Writing {
    let file: OpenFile
    let bytes: [UInt8]
    var offset = 0
    /// Writes still to come before the close; the last takes what is left.
    var writes: Int
  }

  /// - Parameters:
  ///   - data: The folder with `outputs/`, where the bytes are.
  ///   - target: The folder to play into; made if it is missing.
  package init(_ recording: Recording, data: FilePath, target: FilePath, options: Options = Options()) {
    self.recording = recording
    self.data = data
    self.target = target
    self.options = options
  }

  /// Whether nothing is left to play.
  package var isFinished: Bool { played == limit }

  /// The files that are open for writing now.
  package var openFiles: [String] { open.keys.sorted() }

  private var limit: Int { min(options.stopAfter ?? .max, recording.operations.count) }

  /// Goes on to `point`; back is not possible, and does nothing.
  ///
  /// - Parameter log: Called before each operation.
  /// - Throws: ``ReplayError``, or `CancellationError`.
  package mutating func play(
    upTo point: Point = .end, log: (Operation) -> Void = { _ in }, isolation: isolated (any Actor)? = #isolation
  ) async throws {
    try begin()
    let last =
      switch point {
      case .operation(let count): count
      case .save(let save): recording.operationCount(afterSave: save)
      case .end: recording.operations.count
      }
    while played < min(last, limit) {
      let pause = pause(before: played)
      if pause > .zero { try await Task.sleep(for: pause) }
      log(recording.operations[played])
      try perform(recording.operations[played])
      played += 1
    }
  }

  private mutating func begin() throws(ReplayError) {
    guard !started else { return }
    started = true
    try makeDirectories(target)
    if let initial = recording.initial, !options.noInit {
      try copyTree(data.appending("outputs").appending(initial), to: target)
    }
  }

  private func pause(before index: Int) -> Duration {
    let gap = recording.gap(before: index)
    var pause = options.speed > 0 ? min(gap / options.speed, options.maxGap) : .zero
    if gap > .milliseconds(100) { pause = max(pause, options.saveGap) }
    switch recording.operations[index].kind {
    case .write, .rename, .close: return max(pause, options.writeGap)
    default: return pause
    }
  }

  private mutating func perform(_ operation: Operation) throws(ReplayError) {
    let path = try resolved(operation.path)
    switch operation.kind {
    case .makeDirectory: try makeDirectory(path)
    case .open(let flags, let permissions):
      try open(operation.path, at: path, flags: flags, permissions: permissions)
    case .write(let count): try write(count, to: operation.path)
    case .truncate:
      guard let writing = open[operation.path] else { throw ReplayError("is not open", path) }
      try check("ftruncate", path) { ftruncate(writing.file.descriptor.rawValue, off_t(writing.bytes.count)) }
    case .close: open[operation.path] = nil
    case .rename(let new):
      let new = try resolved(new)
      try check("rename", path) { path.withPlatformString { old in new.withPlatformString { rename(old, $0) } } }
    case .unlink: try check("unlink", path) { path.withPlatformString { unlink($0) } }
    case .removeDirectory: try check("rmdir", path) { path.withPlatformString { rmdir($0) } }
    }
  }

  private func resolved(_ path: String) throws(ReplayError) -> FilePath {
    guard let resolved = target.lexicallyResolving(FilePath(path)) else {
      throw ReplayError("leads out of the target", FilePath(path))
    }
    return resolved
  }

  private mutating func open(
    _ name: String, at path: FilePath, flags: CInt, permissions: FilePermissions
  ) throws(ReplayError) {
    let opening = openings[name, default: 0]
    openings[name] = opening + 1
    let bytes = try readBytes(data.appending("outputs").appending(recording.payload).appending(source(name, opening)))
    do {
      let descriptor = try FileDescriptor.open(
        path, FileDescriptor.AccessMode(rawValue: flags & O_ACCMODE),
        options: FileDescriptor.OpenOptions(rawValue: flags & ~O_ACCMODE), permissions: permissions)
      open[name] = Writing(file: OpenFile(descriptor), bytes: bytes, writes: writesToCome(name))
    } catch {
      throw ReplayError("open: \(error)", path)
    }
  }

  /// Whose bytes the file `name` gets at its `opening`-th opening; a temporary file gets those of its later name.
  private func source(_ name: String, _ opening: Int) -> String {
    if let versions = recording.versions[name], let last = versions.indices.last { return versions[min(opening, last)] }
    for case (let path, .rename(let new)) in recording.operations.map({ ($0.path, $0.kind) }) where path == name {
      return new
    }
    return name
  }

  private func writesToCome(_ name: String) -> Int {
    var writes = 0
    for operation in recording.operations[(played + 1)...] where operation.path == name {
      if case .write = operation.kind { writes += 1 }
      if operation.kind == .close { break }
    }
    return writes
  }

  private mutating func write(_ count: Int, to name: String) throws(ReplayError) {
    guard var writing = open[name] else { throw ReplayError("is not open", FilePath(name)) }
    writing.writes -= 1
    // The bytes may be those of another run of the same trainer, whose trainer_state.json is a little longer.
    let end = writing.writes == 0 ? writing.bytes.count : min(writing.offset + count, writing.bytes.count)
    do {
      try writing.file.descriptor.writeAll(writing.bytes[writing.offset..<end])
    } catch {
      throw ReplayError("write: \(error)", FilePath(name))
    }
    writing.offset = end
    open[name] = writing
  }
}
