import Bundles
import Foundation
import Hub
import Kernel
import SystemPackage

/// The Hugging Face Hub, or what speaks its protocol.
package struct HubDestination: Destination {
  private let client: HubClient
  private let reader = Worker("adapterd.cards")

  package init(client: HubClient) {
    self.client = client
  }

  package func publish(
    _ bundle: StagedBundle, as publication: Publication, policy: PublishPolicy,
    onProgress: @escaping @Sendable (TransferProgress) -> Void
  ) async throws(DestinationError) -> Receipt {
    let ourCard = try await card(of: bundle)
    do throws(HubError) {
      let upload = Upload(
        repo: try RepoID(parsing: publication.target.repo), revision: publication.target.revision,
        files: bundle.manifest.files.map { file in
          UploadFile(
            path: file.path, source: bundle.path(of: file.path), size: file.size, sha256: file.digests.sha256,
            gitBlobSHA1: file.digests.gitBlob)
        },
        summary: publication.summary, description: "", written: publication.modified,
        createIfMissing: policy.create, isPrivate: policy.isPrivate,
        mergeCard: { Self.merge($0, with: ourCard, at: bundle.path(of: "README.md")) })
      switch try await client.publish(
        upload,
        onProgress: { progress in
          onProgress(TransferProgress(file: progress.file, sent: progress.bytesSent, total: progress.bytesTotal))
        })
      {
      case .committed(let commit, let parent, let bytes, let remarks):
        let notes = try await tag(commit, as: publication, by: policy) + Self.notes(remarks)
        return .committed(commit: commit, parent: parent, bytes: bytes, notes: notes)
      case .unchanged(let head, let remarks):
        // An earlier try may have ended between the commit and its tag.
        let notes = publication.attempts > 1 ? try await tag(head, as: publication, by: policy) : []
        return .unchanged(head: head, notes: notes + Self.notes(remarks))
      case .superseded(let commit):
        return .superseded(by: commit)
      }
    } catch {
      throw DestinationError(error)
    }
  }

  /// Tags `commit` if that is wanted.
  ///
  /// - Returns: why that was not possible, if it was not and will not be.
  /// - Throws: ``HubError`` if it is worth another try.
  private func tag(
    _ commit: String, as publication: Publication, by policy: PublishPolicy
  ) async throws(HubError) -> [String] {
    guard let template = policy.tag else { return [] }
    guard let tag = template.tag(iterations: publication.step) else {
      return ["not tagged \(template): the iterations are not known"]
    }
    do throws(HubError) {
      try await client.createTag(try RepoID(parsing: publication.target.repo), tag: tag, revision: commit)
      return []
    } catch {
      switch error.kind {
      case .rateLimited, .unavailable, .invalidReply, .conflict: throw error
      case .unauthorized, .forbidden, .notFound, .refused: return ["not tagged \(tag): \(error)"]
      }
    }
  }

  private static func notes(_ remarks: Remarks) -> [String] {
    func note(_ paths: [String], _ text: String) -> [String] {
      paths.isEmpty ? [] : [text + paths.joined(separator: ", ")]
    }
    return note(remarks.ignored, "the repo's .gitignore keeps out ")
      + note(remarks.kept, "kept as somebody wrote it on the Hub, but for the keys that make downloads count: ")
      + note(remarks.replaced, "replaced what somebody else had put there: ")
  }

  /// The bundle's own model card; `nil` if it has none.
  private func card(of bundle: StagedBundle) async throws(DestinationError) -> String? {
    guard bundle.manifest.files.contains(where: { $0.path == "README.md" }) else { return nil }
    let path = bundle.path(of: "README.md")
    do {
      return try await reader.run {
        let bytes = try ConfinedTree(at: bundle.directory).readFile(path, limit: 16 << 20).bytes
        return String(decoding: bytes, as: UTF8.self)
      }
    } catch {
      throw .unwritable("the staged \(path.shown) cannot be read: \(error)")
    }
  }

  private static func merge(_ theirs: String, with ours: String?, at path: FilePath) -> UploadFile? {
    guard let ours, let text = ModelCard.merging(theirs, with: ours) else { return nil }
    let bytes = Array(text.utf8)
    let digests = FileDigests(of: bytes)
    return UploadFile(
      path: "README.md", source: path, content: bytes, size: Int64(bytes.count), sha256: digests.sha256,
      gitBlobSHA1: digests.gitBlob)
  }
}

extension DestinationError {
  /// What follows from an answer of the Hub.
  package init(_ error: HubError) {
    self =
      switch error.kind {
      case .unauthorized, .forbidden: .unauthorized(error.description)
      case .notFound, .refused: .refused(error.description)
      case .rateLimited(let retryAfter): .temporary(error.description, after: retryAfter)
      case .conflict, .unavailable, .invalidReply: .temporary(error.description, after: nil)
      }
  }
}
