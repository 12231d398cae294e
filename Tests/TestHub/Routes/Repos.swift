import Foundation
import Hummingbird
import Synchronization

private struct RepoRequest: Decodable {
  let name: String
  let organization: String?
  let type: String?
  let visibility: String?
  let `private`: Bool?

  /// As clients put it: the namespace in its own field, or before the name, or not at all.
  func id(user: String) throws -> String {
    guard type ?? "model" == "model" else { throw Refusal(400, "this Hub has models only") }
    let id = name.contains("/") ? name : "\(organization ?? user)/\(name)"
    guard id.wholeMatch(of: /[A-Za-z0-9_][A-Za-z0-9._-]*\/[A-Za-z0-9_][A-Za-z0-9._-]*/) != nil, !id.contains("--")
    else {
      throw Refusal(400, "Invalid repo name: \(id)")
    }
    return id
  }
}

extension Core {
  func addRepos(to router: Router<HubContext>) {
    router.post("api/repos/create") { request, context in
      try context.requireWriter()
      let wanted = try await request.decode(RepoRequest.self)
      let id = try wanted.id(user: self.options.user)
      try self.checkNamespace(of: id)
      let isPrivate = wanted.private ?? (wanted.visibility == "private")
      let isNew = self.state.withLock { state in
        guard state.repos[id] == nil else { return false }
        state.repos[id] = Repository(isPrivate: isPrivate)
        state.renamed[id] = nil
        return true
      }
      let url = "\(self.base(for: request))/\(id)"
      guard isNew else {
        return try json(["error": "You already created this model repo", "url": url], status: .conflict)
      }
      return try json(["url": url, "name": id])
    }
    router.delete("api/repos/delete") { request, context in
      try context.requireWriter()
      let id = try await request.decode(RepoRequest.self).id(user: self.options.user)
      try self.checkNamespace(of: id)
      try self.state.withLock { state in
        guard state.repos.removeValue(forKey: id) != nil else { throw Refusal.noRepo }
        for key in state.objects.keys where key.repo == id { state.objects[key] = nil }
      }
      return Response(status: .ok)
    }
  }

  private func checkNamespace(of id: String) throws {
    let namespace = String(id.prefix { $0 != "/" })
    guard !options.foreignNamespaces.contains(namespace) else {
      throw Refusal(403, "You don't have the rights to create a model under the namespace \"\(namespace)\"")
    }
  }
}
