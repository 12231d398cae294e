import Bundles
import CLinux
import Crypto
import Foundation
import Glibc
import Kernel
import SystemPackage

/// A store on a disk in the layout of the Hub's own cache, so that `huggingface_hub` loads from it offline with
/// `HF_HUB_CACHE` at its root.
///
/// `models--org--name/{blobs,refs,snapshots}`: see huggingface_hub's "Manage your cache" guide. A commit is a new
/// snapshot directory of links into `blobs`; it becomes the state of a branch when the one line in `refs` is replaced.
package struct StoreDestination: Destination {
  private let root: FilePath
  private let worker = Worker("store")

  /// - Parameter root: Made with the first publication if it is missing.
  package init(root: FilePath) {
    self.root = root
  }

  package func publish(
    _ bundle: StagedBundle, as publication: Publication, policy: PublishPolicy,
    onProgress: @escaping @Sendable (TransferProgress) -> Void
  ) async throws(DestinationError) -> Receipt {
    do {
      return try await worker.run {
        let tag = policy.tag?.tag(iterations: publication.step)
        return try publish(bundle, to: publication.target, create: policy.create, tag: tag, onProgress: onProgress)
      }
    } catch let error as SystemError where error.errno == .noSpace || error.errno == .diskQuotaExceeded {
      throw .temporary("the store is full: \(error)", after: .seconds(60))
    } catch let error as DestinationError {
      throw error
    } catch {
      throw .unwritable("cannot write to the store: \(error)")
    }
  }

  private func publish(
    _ bundle: StagedBundle, to target: PublishTarget, create: Bool, tag: String?,
    onProgress: @Sendable (TransferProgress) -> Void
  ) throws -> Receipt {
    let folder = root.appending("models--" + target.repo.split(separator: "/").joined(separator: "--"))
    if !create, (try? FileIdentity(of: folder)) == nil {
      throw DestinationError.refused("the store has no repo \(target.repo) and create = false")
    }
    for name in ["blobs", "refs", "snapshots"] { try makeDirectories(folder.appending(name)) }
    let lock = try FileLock(
      at: root.appending(".locks").appending(folder.lastComponent?.string ?? "").appending("adapterd.lock"),
      waiting: true)

    let reference = folder.appending("refs").appending(target.revision)
    let parent = head(at: reference)
    if let parent, holds(folder.appending("snapshots").appending(parent), bundle.manifest) {
      return .unchanged(head: parent, notes: [])
    }
    let commit = Self.commitID(parent: parent, manifest: bundle.manifest, target: target)
    let snapshot = folder.appending("snapshots").appending(commit)
    let partial = folder.appending("snapshots").appending(commit + ".incomplete")
    try removeTree(partial)
    try makeDirectories(partial)
    var stored: Int64 = 0
    for file in bundle.manifest.files {
      stored += try store(file, from: bundle, in: folder)
      onProgress(TransferProgress(file: file.path, sent: file.size, total: file.size))
      try symbolicLink(to: FilePath("../../blobs/\(Self.blobName(file))"), at: partial.appending(file.path))
    }
    // A snapshot of this name is left from a process that ended before it moved the branch: the same bytes.
    try removeTree(snapshot)
    try rename(partial, to: snapshot, replacing: false)
    guard holds(snapshot, bundle.manifest) else {
      throw DestinationError.temporary("the store's snapshot \(commit) does not hold what was written", after: nil)
    }
    // Before the branch moves: what ends in between is done again, the tag with it.
    let notes = try tag.map { try self.tag(commit, as: $0, in: folder) } ?? []
    try makeDirectories(reference.removingLastComponent())
    try replaceFile(reference, with: Array(commit.utf8))
    lock.release()
    return .committed(commit: commit, parent: parent, bytes: stored, notes: notes)
  }

  /// - Returns: why not, if the tag names another commit.
  private func tag(_ commit: String, as tag: String, in folder: FilePath) throws -> [String] {
    let reference = folder.appending("refs").pushing(FilePath(tag))
    if let named = head(at: reference), named != commit {
      return ["not tagged \(tag): it names \(named.prefix(7)) already and is not moved to \(commit.prefix(7))"]
    }
    try makeDirectories(reference.removingLastComponent())
    try replaceFile(reference, with: Array(commit.utf8))
    return []
  }

  /// The commit that the branch file names; `nil` if there is none.
  private func head(at reference: FilePath) -> String? {
    guard let data = FileManager.default.contents(atPath: reference.string) else { return nil }
    let commit = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    return commit.count == 40 && commit.allSatisfy(\.isHexDigit) ? commit : nil
  }

  /// Whether a snapshot is exactly these files: links to the right blobs, which have the right sizes.
  private func holds(_ snapshot: FilePath, _ manifest: Manifest) -> Bool {
    guard let present = try? names(in: snapshot), present.map(\.string) == manifest.files.map(\.path) else {
      return false
    }
    return manifest.files.allSatisfy { file in
      let link = snapshot.appending(file.path)
      let target = try? FileManager.default.destinationOfSymbolicLink(atPath: link.string)
      let blob = snapshot.removingLastComponent().removingLastComponent().appending("blobs").appending(
        Self.blobName(file))
      return target == "../../blobs/\(Self.blobName(file))" && (try? FileIdentity(of: blob))?.size == file.size
    }
  }

  /// Puts a file's bytes under their name in `blobs`, by reflink or copy, unless they are there.
  ///
  /// - Returns: bytes that were stored.
  private func store(_ file: Manifest.File, from bundle: StagedBundle, in folder: FilePath) throws -> Int64 {
    let blob = folder.appending("blobs").appending(Self.blobName(file))
    if (try? FileIdentity(of: blob))?.size == file.size { return 0 }
    let incomplete = FilePath(bytes: blob.bytes + Array(".incomplete".utf8))
    try removeTree(incomplete)
    let tree = try ConfinedTree(at: bundle.directory)
    let source = try tree.openFile(bundle.path(of: file.path))
    let digests = try copy(source, size: file.size, to: incomplete)
    guard digests == file.digests else {
      throw DestinationError.refused(
        "the staged \(file.path) is not what the manifest says: the disk or somebody changed it")
    }
    try rename(incomplete, to: blob, replacing: true)
    return file.size
  }

  private func symbolicLink(to target: FilePath, at path: FilePath) throws(SystemError) {
    do throws(Errno) {
      _ = try retryingInterrupts { target.withPlatformString { to in path.withPlatformString { symlink(to, $0) } } }
    } catch {
      throw SystemError("link", path, error)
    }
  }

  /// As in the Hub's cache: the file's ETag, which is SHA-256 for what the Hub keeps in LFS and git's blob id for the rest.
  private static func blobName(_ file: Manifest.File) -> String {
    file.path.hasSuffix(".safetensors") ? file.digests.sha256 : file.digests.gitBlob
  }

  /// 40 hexadecimal digits that depend on the content and on all that was before it, like git's.
  private static func commitID(parent: String?, manifest: Manifest, target: PublishTarget) -> String {
    let text = "\(target.repo) \(target.revision) \(parent ?? "") \(manifest.digest)"
    return hexadecimal(Insecure.SHA1.hash(data: Array(text.utf8)))
  }
}
