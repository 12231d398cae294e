import Foundation
import Hummingbird
import Synchronization

private struct BranchRequest: Decodable { let startingPoint: String? }
private struct TagRequest: Decodable { let tag: String }

extension Core {
  func addReferences(to router: Router<HubContext>) {
    router.get("api/models/:namespace/:name/refs") { _, context in
      let (_, repository) = try self.repository(context)
      func references(_ names: [String: String], _ kind: String) -> [[String: Any]] {
        names.sorted { $0.key < $1.key }.map {
          ["name": $0.key, "ref": "refs/\(kind)/\($0.key)", "targetCommit": $0.value]
        }
      }
      return try json([
        "branches": references(repository.branches, "heads"), "tags": references(repository.tags, "tags"),
        "converts": [String](),
      ])
    }
    router.post("api/models/:namespace/:name/branch/:branch") { request, context in
      let data = try await request.data()
      let start = data.isEmpty ? nil : try JSONDecoder().decode(BranchRequest.self, from: data).startingPoint
      let branch = try context.path("branch")
      try self.change(context) { repository in
        guard let commit = repository.commit(start ?? "main") else { throw Refusal.noRevision(start ?? "main") }
        guard repository.addBranch(branch, at: commit.oid) else { throw Refusal(409, "Reference already exists") }
      }
      return Response(status: .ok)
    }
    router.delete("api/models/:namespace/:name/branch/:branch") { _, context in
      let branch = try context.path("branch")
      try self.change(context) { repository in
        guard repository.removeBranch(branch) else { throw Refusal.noRevision(branch) }
      }
      return Response(status: .ok)
    }
    router.post("api/models/:namespace/:name/tag/:revision") { request, context in
      let tag = try await request.decode(TagRequest.self).tag
      let revision = try context.path("revision")
      try self.change(context) { repository in
        guard let commit = repository.commit(revision) else { throw Refusal.noRevision(revision) }
        guard repository.tags[tag] == nil else { throw Refusal(409, "Tag reference exists already") }
        repository.tags[tag] = commit.oid
      }
      return Response(status: .ok)
    }
    router.delete("api/models/:namespace/:name/tag/:revision") { _, context in
      let tag = try context.path("revision")
      try self.change(context) { repository in
        guard repository.tags.removeValue(forKey: tag) != nil else { throw Refusal.noRevision(tag) }
      }
      return Response(status: .ok)
    }
    router.get("api/models/:namespace/:name/commits/:revision") { request, context in
      let (_, repository, commit) = try self.commit(context)
      let history = repository.history(of: commit.oid)
      let start = request.query("cursor").first.flatMap { Data(base64Encoded: $0) }
        .flatMap { Int(String(decoding: $0, as: UTF8.self)) }
      let page = history.dropFirst(start ?? 0).prefix(self.options.pageSize)
      let items = page.map { commit in
        [
          "id": commit.oid, "title": commit.title, "message": commit.message, "date": timestamp(commit.date),
          "authors": [["user": self.options.user]],
        ] as [String: Any]
      }
      return try json(items, headers: self.pageLink(request, page.endIndex, history.count))
    }
  }

  /// Changes the repo of the request's path, in one step, if the caller may.
  private func change(_ context: HubContext, _ body: (inout Repository) throws -> Void) throws {
    let (id, _) = try repository(context)
    try context.requireWriter()
    try state.withLock { state in
      guard var repository = state.repos[id] else { throw Refusal.noRepo }
      try body(&repository)
      state.repos[id] = repository
    }
  }
}
