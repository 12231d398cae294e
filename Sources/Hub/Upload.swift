import SystemPackage

/// A file to be published, with the digests by which the Hub knows its content.
package struct UploadFile: Sendable {
  /// In the repo, `/` between directories.
  package let path: String
  /// On the disk; it must not change until the upload is over.
  package let source: FilePath
  /// What is published in the place of what is at ``source``.
  let content: [UInt8]?
  /// Bytes.
  package let size: Int64
  /// Of the content, 64 hex digits: the Hub's identity of a file in LFS.
  package let sha256: String
  /// SHA-1 of `blob <size>\0<content>`, 40 hex digits: the Hub's identity of a file in git.
  package let gitBlobSHA1: String

  /// The digests are believed; the Hub refuses wrong ones.
  package init(
    path: String, source: FilePath, content: [UInt8]? = nil, size: Int64, sha256: String, gitBlobSHA1: String
  ) {
    self.path = path
    self.source = source
    self.content = content
    self.size = size
    self.sha256 = sha256
    self.gitBlobSHA1 = gitBlobSHA1
  }
}

/// What is to be published by one commit.
package struct Upload: Sendable {
  /// Where it goes.
  package let repo: RepoID
  /// A branch.
  package let revision: String
  /// At least one, each path once; other files of the repo are left alone.
  package let files: [UploadFile]
  /// The commit's title; not empty, which the Hub refuses.
  package let summary: String
  /// The rest of the commit's message.
  package let description: String
  /// When the state was last written, nanoseconds since 1970: what is older than what the repo holds is not published.
  package let written: Int64
  /// Whether a repo that is missing is created.
  package let createIfMissing: Bool
  /// Whether a repo that is created is private; one that exists stays as it is.
  package let isPrivate: Bool
  /// Makes one card of the one that somebody wrote on the Hub and ours; `nil` if that cannot be done.
  package let mergeCard: @Sendable (_ theirs: String) -> UploadFile?

  /// Nothing is checked here, but before anything is sent.
  package init(
    repo: RepoID, revision: String, files: [UploadFile], summary: String, description: String, written: Int64,
    createIfMissing: Bool, isPrivate: Bool, mergeCard: @escaping @Sendable (_ theirs: String) -> UploadFile?
  ) {
    self.repo = repo
    self.revision = revision
    self.files = files
    self.summary = summary
    self.description = description
    self.written = written
    self.createIfMissing = createIfMissing
    self.isPrivate = isPrivate
    self.mergeCard = mergeCard
  }
}

/// How far the upload of one file is.
package struct Progress: Sendable {
  /// Its path in the repo.
  package let file: String
  /// Handed over to the network. Starts again from less if a part has to be sent again.
  package let bytesSent: Int64
  /// The file's size.
  package let bytesTotal: Int64
}

/// What a publication led to.
package enum Outcome: Sendable, Equatable {
  /// - Parameters:
  ///   - commit: The commit that holds the files; it was verified.
  ///   - parent: The head before it.
  ///   - bytesUploaded: Of file contents, as far as the Hub did not have them.
  ///   - remarks: What is not as it was sent.
  case committed(commit: String, parent: String?, bytesUploaded: Int64, remarks: Remarks)
  /// The Hub has all of it already, at `head`; no commit was made.
  case unchanged(head: String, remarks: Remarks)
  /// The repo holds a state that was written later, since `commit`; no commit was made.
  case superseded(by: String)
}

/// Where what is in the repo differs from what was to be published, or from what somebody else had put there.
package struct Remarks: Sendable, Equatable {
  /// Paths that the repo's `.gitignore` keeps out.
  package var ignored: [String] = []
  /// Paths at which the text that somebody wrote on the Hub was kept.
  package var kept: [String] = []
  /// Paths at which ours took the place of what somebody had put there.
  package var replaced: [String] = []

  package init(ignored: [String] = [], kept: [String] = [], replaced: [String] = []) {
    self.ignored = ignored
    self.kept = kept
    self.replaced = replaced
  }
}

extension Upload {
  /// Refuses what the Hub would refuse or misunderstand, before anything is sent; see huggingface_hub's rules for paths.
  ///
  /// - Throws: ``HubError`` of kind `refused`.
  func validate() throws(HubError) {
    func refuse(_ message: String) -> HubError { HubError(.refused, message: message) }
    guard !files.isEmpty else { throw refuse("there are no files to publish") }
    guard !summary.isEmpty else { throw refuse("a commit needs a summary") }
    guard !revision.isEmpty else { throw refuse("a commit needs a revision to go to") }
    var seen: Set<String> = []
    for file in files {
      let parts = file.path.split(separator: "/", omittingEmptySubsequences: false)
      let isClean = parts.allSatisfy { part in
        !part.isEmpty && part != "." && part != ".." && part != ".git" && part != ".cache"
          && part.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
      }
      guard isClean else { throw refuse("\(file.path.debugDescription) cannot be a path in a repo") }
      guard seen.insert(file.path).inserted else { throw refuse("\(file.path) is there twice") }
    }
  }
}
