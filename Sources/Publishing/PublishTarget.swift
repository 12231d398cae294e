/// Where a publication goes: a revision of a repo at an endpoint. What goes to one target goes in order.
package struct PublishTarget: Sendable, Hashable, CustomStringConvertible {
  /// `https://huggingface.co`, `file:///var/lib/adapterd/store`, …
  package let endpoint: String
  /// `namespace/name`.
  package let repo: String
  /// The branch.
  package let revision: String

  package init(endpoint: String, repo: String, revision: String) {
    self.endpoint = endpoint
    self.repo = repo
    self.revision = revision
  }

  package var description: String { revision == "main" ? repo : "\(repo)@\(revision)" }
}

/// How a target is to be treated; a publication keeps the policy that it was queued with.
package struct PublishPolicy: Sendable, Equatable {
  /// Whether a repo that is missing is created.
  package var create: Bool
  /// Whether a repo that is created is private; one that is there stays as it is.
  package var isPrivate: Bool
  /// The least time between two commits.
  package var minimumInterval: Duration
  /// What each commit is called besides; `nil` for nothing.
  package var tag: TagTemplate?

  package init(
    create: Bool = true, isPrivate: Bool = true, minimumInterval: Duration = .seconds(60), tag: TagTemplate? = nil
  ) {
    self.create = create
    self.isPrivate = isPrivate
    self.minimumInterval = minimumInterval
    self.tag = tag
  }
}
