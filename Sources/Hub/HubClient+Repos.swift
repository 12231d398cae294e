/// What is known of a revision.
enum Lookup: Sendable, Equatable {
  case head(Head)
  case noRepo
  case noRevision
}

extension HubClient {
  /// The head of a branch, or the commit behind a tag or a commit's name.
  ///
  /// - Returns: `nil` if the repo or the revision is not there, or not for this token's eyes.
  /// - Throws: ``HubError``. A 401 is always thrown: to somebody unknown the Hub says it for a repo that is private and
  ///   for one that is missing, and nothing may be concluded from it.
  package func head(of repo: RepoID, revision: String) async throws(HubError) -> Head? {
    guard case .head(let head) = try await lookup(repo, revision) else { return nil }
    return head
  }

  func lookup(_ repo: RepoID, _ revision: String) async throws(HubError) -> Lookup {
    do throws(HubError) {
      let reply = try await transport.send(.get(url(repo, "revision", revision)))
      let info = try reply.decode(RevisionReply.self)
      return .head(Head(sha: info.sha, isPrivate: info.private ?? false))
    } catch {
      guard error.status == 404 else { throw error }
      switch error.code {
      case "RepoNotFound": return .noRepo
      case "RevisionNotFound": return .noRevision
      // Any web server says 404: only the Hub's own counts.
      default: throw error.advising("check the endpoint: this 404 does not come from a Hub")
      }
    }
  }

  /// Creates a model repo. One that exists already is fine, and stays as it is.
  ///
  /// - Throws: ``HubError``.
  package func createRepo(_ repo: RepoID, isPrivate: Bool) async throws(HubError) {
    let call = try Call.post(
      "\(transport.endpoint.url)/api/repos/create",
      CreateRepo(
        name: repo.name, organization: repo.namespace, visibility: isPrivate ? "private" : "public"))
    var attempt = 0
    while true {
      do throws(HubError) {
        _ = try await transport.send(call)
        return
      } catch {
        switch error.status {
        case 409 where error.message.contains("conflicting operation") && attempt < transport.timeouts.retries:
          try await transport.pause(for: transport.timeouts.pause(beforeRetry: attempt))
          attempt += 1
        case 409 where !error.message.contains("conflicting operation"): return
        case 401, 402, 403:
          // Who may write to a repo need not have the right to create one: it may be there.
          if case .head? = try? await lookup(repo, "main") { return }
          throw error
        default: throw error
        }
      }
    }
  }

  /// Creates a branch at the head of `main`. One that exists already is fine.
  ///
  /// - Throws: ``HubError``.
  package func createBranch(_ branch: String, in repo: RepoID) async throws(HubError) {
    do throws(HubError) {
      _ = try await transport.send(try .post(url(repo, "branch", branch), [String: String]()))
    } catch {
      if error.status != 409 { throw error }
    }
  }

  /// Names a commit. A tag that names it already is fine.
  ///
  /// - Throws: ``HubError``, of kind `refused` if the tag names another commit.
  package func createTag(_ repo: RepoID, tag: String, revision: String) async throws(HubError) {
    do throws(HubError) {
      _ = try await transport.send(try .post(url(repo, "tag", revision), ["tag": tag]))
    } catch {
      guard error.status == 409 else { throw error }
      guard case .head(let tagged) = try await lookup(repo, tag),
        case .head(let wanted) = try await lookup(repo, revision)
      else { throw error }
      guard tagged.sha != wanted.sha else { return }
      throw HubError(
        .refused, status: error.status,
        message: "the tag \(tag) names \(tagged.sha.prefix(7)) already and is not moved to \(wanted.sha.prefix(7))",
        requestID: error.requestID, path: error.path, remedy: "choose another tag")
    }
  }

  /// Asks the Hub whether it takes `text` as a model card: errors in the front matter would fail the commit.
  ///
  /// - Returns: what the Hub warns of.
  /// - Throws: ``HubError``, of kind `refused` with what is wrong with the card.
  @discardableResult
  package func validateCard(_ text: String) async throws(HubError) -> [String] {
    let reply = try await transport.send(
      try .post("\(transport.endpoint.url)/api/validate-yaml", ["repoType": "model", "content": text]))
    return try reply.decode(CardReply.self).warnings?.compactMap(\.message) ?? []
  }
}

private struct RevisionReply: Decodable {
  let sha: String
  let `private`: Bool?
}

private struct CreateRepo: Encodable {
  let name: String
  let organization: String
  let type = "model"
  let visibility: String
}

private struct CardReply: Decodable {
  struct Remark: Decodable { let message: String? }
  let warnings: [Remark]?
}
