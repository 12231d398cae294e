import Foundation
import Hummingbird

extension Core {
  func addTrees(to router: Router<HubContext>) {
    router.get("api/models/:namespace/:name/tree/:revision") { request, context in
      try self.listing(of: "", request, context)
    }
    router.get("api/models/:namespace/:name/tree/:revision/**") { request, context in
      try self.listing(of: try context.rest() + "/", request, context)
    }
    router.post("api/models/:namespace/:name/paths-info/:revision") { request, context in
      let (_, _, commit) = try self.commit(context)
      let form = String(decoding: try await request.data(), as: UTF8.self)
      let items = entries(of: commit.tree, in: "", isRecursive: true)
      return try json(formValues(form, "paths").compactMap { items[$0] })
    }
  }

  /// A page of what is in a folder.
  private func listing(of folder: String, _ request: Request, _ context: HubContext) throws -> Response {
    let (_, _, commit) = try commit(context)
    let items = entries(of: commit.tree, in: folder, isRecursive: request.query("recursive").first == "true")
    guard !items.isEmpty || folder.isEmpty else { throw Refusal.noEntry }
    let sorted = items.sorted { $0.key < $1.key }.map(\.value)
    let start = try request.query("cursor").first.map { cursor in
      guard let data = Data(base64Encoded: cursor), let start = Int(String(decoding: data, as: UTF8.self)) else {
        throw Refusal(400, "Invalid cursor")
      }
      return start
    }
    let page = sorted.dropFirst(start ?? 0).prefix(options.pageSize)
    return try json(Array(page), headers: pageLink(request, page.endIndex, sorted.count))
  }

  /// The header that leads to the next page.
  func pageLink(_ request: Request, _ next: Int, _ count: Int) -> [String: String] {
    guard next < count else { return [:] }
    let cursor = Data("\(next)".utf8).base64EncodedString().replacing("=", with: "%3D")
    let query =
      (request.uri.query ?? "").split(separator: "&").filter { !$0.hasPrefix("cursor=") } + ["cursor=\(cursor)"]
    return ["Link": "<\(self.base(for: request))\(request.uri.path)?\(query.joined(separator: "&"))>; rel=\"next\""]
  }
}

/// The files and directories below a folder, by path.
private func entries(of tree: [String: Blob], in folder: String, isRecursive: Bool) -> [String: [String: Any]] {
  var entries: [String: [String: Any]] = [:]
  for (path, blob) in tree where path.hasPrefix(folder) {
    let parts = path.split(separator: "/")
    let depth = folder.split(separator: "/").count
    if isRecursive || parts.count == depth + 1 { entries[path] = blob.item(path: path) }
    for length in depth + 1..<max(parts.count, depth + 1) where isRecursive || length == depth + 1 {
      let directory = parts.prefix(length).joined(separator: "/")
      guard entries[directory] == nil else { continue }
      let below = tree.filter { $0.key.hasPrefix(directory + "/") }.map {
        (String($0.key.dropFirst(directory.count + 1)), $0.value)
      }
      let name = treeName(Dictionary(uniqueKeysWithValues: below))
      entries[directory] = ["type": "directory", "path": directory, "oid": hexadecimal(name), "size": 0]
    }
  }
  return entries
}
