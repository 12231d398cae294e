import Logging

extension HubClient {
  /// Makes the files of `upload` the content of their paths by one commit, and verifies it. What the Hub has already is
  /// not uploaded; if it has all, no commit is made. Other files of the repo stay as they are.
  ///
  /// - Parameter onProgress: Is told of each piece of content that the network takes.
  /// - Throws: ``HubError``. After one the files may have arrived nevertheless: publishing them again then finds them
  ///   there and makes no second commit.
  package func publish(
    _ upload: Upload, onProgress: (@Sendable (Progress) -> Void)? = nil
  ) async throws(HubError) -> Outcome {
    try upload.validate()
    let head = try await destination(of: upload)
    if let card = upload.files.first(where: { $0.path == "README.md" }) {
      let text = String(decoding: try await read(card, count: card.size), as: UTF8.self)
      for warning in try await validateCard(text) {
        transport.logger.notice("the Hub says of \(upload.repo)'s README.md: \(warning)")
      }
    }
    var publication = PublishRun(client: self, upload: upload, head: head, onProgress: onProgress)
    return try await publication.run()
  }

  /// The head of the branch that is published to. A repo that is missing is created if that is wanted, a branch always.
  private func destination(of upload: Upload) async throws(HubError) -> Head {
    let (repo, revision) = (upload.repo, upload.revision)
    switch try await lookup(repo, revision) {
    case .head(let head): return head
    case .noRepo:
      guard upload.createIfMissing else {
        throw HubError(
          .notFound, message: "the Hub has no model repo \(repo), or does not show it with this token",
          remedy: "create it, or set create = true")
      }
      try await createRepo(repo, isPrivate: upload.isPrivate)
      if revision != "main" {
        _ = try await appearing(repo, "main")
        try await createBranch(revision, in: repo)
      }
    case .noRevision:
      guard revision != "main" else {
        throw HubError(.notFound, message: "\(repo) has no branch main", remedy: "make a first commit in it")
      }
      try await createBranch(revision, in: repo)
    }
    return try await appearing(repo, revision)
  }

  /// The head of what was just created; it may take a moment until every server of the Hub knows of it.
  private func appearing(_ repo: RepoID, _ revision: String) async throws(HubError) -> Head {
    for attempt in 0...transport.timeouts.retries {
      if attempt > 0 { try await transport.pause(for: transport.timeouts.pause(beforeRetry: attempt - 1)) }
      if case .head(let head) = try await lookup(repo, revision) { return head }
    }
    throw HubError(.unavailable, message: "\(repo) at \(revision) was created, but the Hub does not show it yet")
  }
}
