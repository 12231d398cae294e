/// Whose token it is.
package struct Identity: Sendable, Equatable {
  /// The user's name, which is a namespace of repos too.
  package let name: String
  /// What the token may do, e.g. `write`, `read` or `fineGrained`; `nil` if the Hub does not say.
  package let role: String?
  /// Organizations that the user belongs to.
  package let organizations: [String]
}

/// What a revision of a repo points to.
package struct Head: Sendable, Equatable {
  /// The commit, 40 hex digits.
  package let sha: String
  /// Whether only those can read the repo who are allowed to.
  package let isPrivate: Bool
}

/// A file in a repo.
package struct TreeEntry: Sendable, Equatable {
  /// What the Hub keeps outside of git.
  package struct LFS: Sendable, Equatable {
    /// SHA-256 of the content.
    package let sha256: String
    /// Of the content, in bytes.
    package let size: Int64
  }
  /// From the repo's root, `/` between directories.
  package let path: String
  /// Of the content, in bytes.
  package let size: Int64
  /// Git's blob id; for a file in LFS that of its pointer, which says nothing of the content.
  package let oid: String
  /// `nil` for a file in git itself.
  package let lfs: LFS?

  /// Whether the content is that of `file`.
  package func holds(_ file: UploadFile) -> Bool {
    if let lfs { return lfs.sha256 == file.sha256 && lfs.size == file.size }
    return oid == file.gitBlobSHA1
  }
}
