import FoundationEssentials
import SystemPackage

/// What one trainer did to its output folder, call by call, as strace saw it.
///
/// A recording has no bytes of its own: it says which file of a finished output each write takes them from.
package struct Recording: Sendable {
  /// Which trainer, in which version, did what.
  package let title: String
  /// In the order in which they were made.
  package let operations: [Operation]
  /// The folder of `outputs/` that holds the bytes.
  let payload: String
  /// The folder of `outputs/` that lay in the target when the training began; `nil` for a fresh start.
  let initial: String?
  /// Whose bytes a file gets each time it is opened, for files that are written several times.
  let versions: [String: [String]]

  /// Reads the recording `name` out of the folder `sessions`.
  ///
  /// - Throws: ``ReplayError``.
  package init(named name: String, in sessions: FilePath) throws(ReplayError) {
    try self.init(at: sessions.appending(name + ".json"))
  }

  /// Reads the recording in the file at `path`.
  ///
  /// - Throws: ``ReplayError`` if there is none that can be understood.
  package init(at path: FilePath) throws(ReplayError) {
    let stored: Stored
    do {
      stored = try JSONDecoder().decode(Stored.self, from: Data(try readBytes(path)))
    } catch let error as ReplayError {
      throw error
    } catch {
      throw ReplayError("no recording: \(error)", path)
    }
    title = stored.title
    operations = stored.ops
    payload = stored.payload
    initial = stored.init_from
    versions = stored.versions
  }

  /// The names of the recordings in the folder `sessions`, sorted.
  ///
  /// - Throws: ``ReplayError`` if it cannot be listed.
  package static func names(in sessions: FilePath) throws(ReplayError) -> [String] {
    try entries(of: sessions).filter { $0.hasSuffix(".json") }.map { String($0.dropLast(".json".count)) }.sorted()
  }

  /// How long the training took.
  package var duration: Duration { operations.last?.time ?? .zero }

  /// The recorded pause before the operation at `index`.
  package func gap(before index: Int) -> Duration {
    index == 0 ? operations[index].time : operations[index].time - operations[index - 1].time
  }

  /// Where each save begins: an operation before which the trainer was busy with something else for over 0.1 s.
  package var saves: [Int] { operations.indices.filter { gap(before: $0) > .milliseconds(100) } }

  /// How many operations the trainer had made when its `save`-th save was done, counted from 1; 0 is the preparation
  /// before the first.
  package func operationCount(afterSave save: Int) -> Int {
    let saves = saves
    return save < saves.count ? saves[max(save, 0)] : operations.count
  }
}

/// The file's form; the names are the file's own.
private struct Stored: Decodable {
  let title: String
  let payload: String
  let init_from: String?
  let versions: [String: [String]]
  let ops: [Operation]
}
