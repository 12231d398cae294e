import Bundles
import Foundation
import Hub
import SystemPackage

/// The Hugging Face Hub, or what speaks its protocol.
package struct HubDestination: Destination {
  private let client: HubClient

  package init(client: HubClient) {
    self.client = client
  }

  package func publish(
    _ bundle: StagedBundle, as publication: Publication, policy: PublishPolicy,
    onProgress: @escaping @Sendable () -> Void
  ) async throws(DestinationError) -> Receipt {
    do throws(HubError) {
      let upload = Upload(
        repo: try RepoID(parsing: publication.target.repo), revision: publication.target.revision,
        files: bundle.manifest.files.map { file in
          UploadFile(
            path: file.path, source: bundle.path(of: file.path), size: file.size, sha256: file.digests.sha256,
            gitBlobSHA1: file.digests.gitBlob)
        },
        summary: publication.summary, description: "", createIfMissing: policy.create, isPrivate: policy.isPrivate)
      switch try await client.publish(upload, onProgress: { _ in onProgress() }) {
      case .committed(let commit, let parent, let bytes, let ignored):
        return .committed(commit: commit, parent: parent, bytes: bytes, notes: Self.notes(ignored))
      case .unchanged(let head, let ignored):
        return .unchanged(head: head, notes: Self.notes(ignored))
      }
    } catch {
      throw DestinationError(error)
    }
  }

  private static func notes(_ ignored: [String]) -> [String] {
    ignored.isEmpty ? [] : ["the repo's .gitignore keeps out \(ignored.joined(separator: ", "))"]
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
