import Foundation
import Kernel
import Logging

/// One publication on its way: from the head that was read to a commit that was verified.
///
/// A commit is for the head that it was prepared on (`parentCommit`), so of two that race one is refused, and of one
/// that is sent twice the second: whatever happens on the way, there is one commit at most.
struct PublishRun {
  /// How often a commit is prepared again before giving up.
  private static let tries = 5

  let client: HubClient
  let upload: Upload
  /// What the next commit is prepared on.
  private var head: Head
  private let onProgress: (@Sendable (Progress) -> Void)?
  /// SHA-256 of what this publication knows to be in the repo's LFS storage.
  private var stored: Set<String> = []
  private var uploadedBytes: Int64 = 0
  /// The head before a commit of which no answer came; `nil` as long as there is none.
  private var unanswered: Head?
  private var hasUploadedAgain = false

  init(client: HubClient, upload: Upload, head: Head, onProgress: (@Sendable (Progress) -> Void)?) {
    self.client = client
    self.upload = upload
    self.head = head
    self.onProgress = onProgress
  }

  /// What is left to be done, as the Hub sees it now.
  private struct Plan {
    var changed: [(file: UploadFile, mode: Preview.Mode)] = []
    /// All that is not ignored.
    var wanted: [UploadFile] = []
    var remarks = Remarks()
    var commit: String?
    /// The commit by which the repo holds a state that was written later.
    var newer: String?
  }

  mutating func run() async throws(HubError) -> Outcome {
    var failure = HubError(.conflict, message: "the head of \(upload.repo) moved each time")
    for attempt in 0..<Self.tries {
      if attempt > 0 { try await pause(before: attempt, after: failure) }
      let plan = try await plan()
      if let newer = plan.newer { return .superseded(by: newer) }
      guard !plan.changed.isEmpty else {
        guard let parent = unanswered else { return .unchanged(head: plan.commit ?? head.sha, remarks: plan.remarks) }
        return try await committed(head.sha, on: parent, plan)
      }
      let content = try await prepare(plan)
      // A stop comes before the commit or after its verification, never in between; what was uploaded stays.
      if Task.isCancelled { throw Transport.cancelled }
      let commit: String
      do throws(HubError) {
        commit = try await shielded { [client, upload] () async throws(HubError) in
          try await client.commit(content.commit, to: upload.repo, revision: upload.revision)
        }
      } catch {
        failure = error
        switch Self.meaning(of: error) {
        case .moved: head = try await currentHead()
        case .objectsMissing where !hasUploadedAgain:
          hasUploadedAgain = true
          stored = []
        case .unknown:
          unanswered = unanswered ?? head
          if let outcome = try await arrived(plan, content.regularBytes) { return outcome }
        case .refused, .objectsMissing: throw error
        }
        client.transport.logger.info("\(upload.repo): \(failure); preparing the commit again")
        continue
      }
      uploadedBytes += content.regularBytes
      return try await shielded { [self] () async throws(HubError) in try await committed(commit, on: head, plan) }
    }
    throw failure
  }

  // MARK: Steps

  private func plan() async throws(HubError) -> Plan {
    let last = try await client.latestMark(of: upload.repo, at: head.sha)
    // What claims to be of the future says nothing: some clock was wrong.
    if let last, last.mark.written > upload.written, last.mark.written < Self.now {
      return Plan(newer: last.commit)
    }
    let (previews, commit) = try await client.preupload(upload.files, to: upload.repo, revision: upload.revision)
    var plan = Plan(commit: commit)
    let others = try await pathsOfOthers(previews, since: last)
    for file in upload.files {
      guard let preview = previews[file.path] else { continue }
      guard !preview.isIgnored else {
        plan.remarks.ignored.append(file.path)
        continue
      }
      var (ours, isUnchanged): (UploadFile?, Bool) = (file, preview.isUnchanged)
      if others.contains(file.path) {
        if file.path == Self.card {
          plan.remarks.kept.append(file.path)
          ours = try await merged()
          isUnchanged = preview.present == ours?.gitBlobSHA1
        } else if !isUnchanged {
          plan.remarks.replaced.append(file.path)
        }
      }
      guard let ours else { continue }
      plan.wanted.append(ours)
      if !isUnchanged { plan.changed.append((ours, preview.mode)) }
    }
    return plan
  }

  private static let card = "README.md"
  private static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1e9) }

  /// At which of our paths there is what somebody else put there.
  private func pathsOfOthers(
    _ previews: [String: Preview], since last: (commit: String, mark: CommitMark)?
  ) async throws(HubError) -> Set<String> {
    let present = previews.compactMapValues(\.present)
    guard let last else { return Set(present.keys.filter { previews[$0]?.isUnchanged == false }) }
    var others = Set(last.mark.kept).intersection(present.keys)
    if last.commit != head.sha {
      let tree = try await client.tree(upload.repo, revision: last.commit)
      let before = Dictionary(tree.map { ($0.path, $0.lfs?.sha256 ?? $0.oid) }, uniquingKeysWith: { first, _ in first })
      others.formUnion(present.filter { before[$0.key] != $0.value && previews[$0.key]?.isUnchanged == false }.keys)
    }
    return others
  }

  /// The card that somebody wrote on the Hub, with what has to be in ours; `nil` if theirs is to stay as it is.
  private func merged() async throws(HubError) -> UploadFile? {
    guard let theirs = try await client.text(of: Self.card, in: upload.repo, revision: head.sha),
      let merged = upload.mergeCard(theirs), let text = merged.content
    else { return nil }
    do throws(HubError) {
      try await client.validateCard(String(decoding: text, as: UTF8.self))
    } catch {
      guard error.kind == .refused else { throw error }
      client.transport.logger.notice("the Hub would not take \(upload.repo)'s \(Self.card) with our keys: \(error)")
      return nil
    }
    return merged
  }

  /// Uploads what goes by LFS and reads what goes within the commit.
  private mutating func prepare(_ plan: Plan) async throws(HubError) -> (commit: Commit, regularBytes: Int64) {
    let objects = plan.changed.filter { $0.mode == .lfs }.map(\.file).filter { !stored.contains($0.sha256) }
    if !objects.isEmpty {
      uploadedBytes += try await client.uploadObjects(
        objects, to: upload.repo, revision: upload.revision, onProgress: onProgress)
      stored.formUnion(objects.map(\.sha256))
    }
    var changes: [Commit.Change] = []
    var regularBytes: Int64 = 0
    for (file, mode) in plan.changed {
      switch mode {
      case .lfs: changes.append(.lfs(path: file.path, sha256: file.sha256, size: file.size))
      case .regular:
        regularBytes += file.size
        // huggingface_hub begins a new commit here; we have one for all or none.
        guard regularBytes <= 100 * 1024 * 1024 else {
          throw HubError(.refused, message: "over 100 MiB of files outside of LFS are too much for one commit")
        }
        changes.append(.regular(path: file.path, content: try await client.read(file, count: file.size)))
      }
    }
    let mark = CommitMark(written: upload.written, kept: plan.remarks.kept).text
    let description = upload.description.isEmpty ? mark : "\(upload.description)\n\n\(mark)"
    let commit = Commit(summary: upload.summary, description: description, parent: head.sha, changes: changes)
    return (commit, regularBytes)
  }

  /// Looks for a commit of which no answer came.
  ///
  /// - Returns: `nil` if it did not arrive, or if it may still; a repetition on the same head is refused in that case.
  private mutating func arrived(_ plan: Plan, _ regularBytes: Int64) async throws(HubError) -> Outcome? {
    let before = head
    head = try await currentHead()
    guard head.sha != before.sha else { return nil }
    let missing = try await client.missing(plan.wanted, from: upload.repo, revision: head.sha)
    guard missing.isEmpty else { return nil }
    uploadedBytes += regularBytes
    return outcome(head.sha, on: before, plan)
  }

  private func committed(_ commit: String, on parent: Head, _ plan: Plan) async throws(HubError) -> Outcome {
    var missing = try await client.missing(plan.wanted, from: upload.repo, revision: commit)
    // The tree may lag behind the commit by a moment.
    for attempt in 0..<client.transport.timeouts.retries where !missing.isEmpty {
      try await client.transport.pause(for: client.transport.timeouts.pause(beforeRetry: attempt))
      missing = try await client.missing(plan.wanted, from: upload.repo, revision: commit)
    }
    guard missing.isEmpty else {
      let list = missing.joined(separator: ", ")
      throw HubError(
        .invalidReply, message: "\(upload.repo) at \(commit.prefix(7)) does not hold what was published: \(list)")
    }
    return outcome(commit, on: parent, plan)
  }

  private func outcome(_ commit: String, on parent: Head, _ plan: Plan) -> Outcome {
    .committed(commit: commit, parent: parent.sha, bytesUploaded: uploadedBytes, remarks: plan.remarks)
  }

  private func currentHead() async throws(HubError) -> Head {
    guard let head = try await client.head(of: upload.repo, revision: upload.revision) else {
      throw HubError(.notFound, message: "\(upload.repo) at \(upload.revision) went away while it was published to")
    }
    return head
  }

  /// - Throws: `failure` if it asks for more patience than there is.
  private func pause(before attempt: Int, after failure: HubError) async throws(HubError) {
    let timeouts = client.transport.timeouts
    var pause = timeouts.pause(beforeRetry: attempt - 1)
    if case .rateLimited(let wait?) = failure.kind { pause = max(pause, wait) }
    guard pause <= max(timeouts.patience, .seconds(8)) else { throw failure }
    try await client.transport.pause(for: pause)
  }

  // MARK: What an error of the commit means

  private enum Meaning { case moved, objectsMissing, unknown, refused }

  private static func meaning(of error: HubError) -> Meaning {
    if error.status == 412 { return .moved }
    if error.status == 400, error.message.contains("LFS pointer pointed to a file that does not exist") {
      return .objectsMissing
    }
    switch error.kind {
    case .unavailable, .invalidReply: return .unknown
    // A server error that asks for patience may have been made nevertheless; too many requests surely was not.
    case .rateLimited: return error.status == 429 ? .refused : .unknown
    default: return .refused
    }
  }
}
