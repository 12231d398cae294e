import Foundation
import Hummingbird

extension Core {
  func addModels(to router: Router<HubContext>) {
    router.get("api/models/:namespace/:name") { request, context in
      let (id, repository) = try self.repository(context)
      return try self.info(of: id, repository, at: "main", request)
    }
    router.get("api/models/:namespace/:name/revision/:revision") { request, context in
      let (id, repository) = try self.repository(context)
      return try self.info(of: id, repository, at: try context.path("revision"), request)
    }
  }

  private func info(
    of id: String, _ repository: Repository, at revision: String, _ request: Request
  ) throws -> Response {
    guard let commit = repository.commit(revision) else { throw Refusal.noRevision(revision) }
    let isDetailed = request.query("blobs").first == "true"
    let siblings = commit.tree.sorted { $0.key < $1.key }.map { path, blob in
      var sibling: [String: Any] = ["rfilename": path]
      if isDetailed {
        sibling["size"] = blob.size
        sibling["blobId"] = blob.oid
        if case .lfs(let pointer) = blob {
          sibling["lfs"] =
            ["sha256": pointer.sha256, "size": pointer.size, "pointerSize": pointer.text.count] as [String: Any]
        }
      }
      return sibling
    }
    let all: [String: Any] = [
      "_id": "0123456789abcdef01234567", "id": id, "modelId": id, "author": String(id.prefix { $0 != "/" }),
      "sha": commit.oid, "private": repository.isPrivate, "gated": false, "disabled": false, "downloads": 0,
      "downloadsAllTime": 0, "likes": 0, "tags": [String](), "siblings": siblings,
      "lastModified": timestamp(commit.date), "createdAt": timestamp(commit.date),
    ]
    let expand = request.query("expand") + request.query("expand[]")
    guard !expand.isEmpty else { return try json(all.filter { $0.key != "downloadsAllTime" }) }
    guard !isDetailed else { throw Refusal(400, "expand and blobs exclude each other") }
    return try json(all.filter { ["_id", "id"].contains($0.key) || expand.contains($0.key) })
  }
}

/// As the Hub writes times.
func timestamp(_ date: Date) -> String {
  date.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(separator: .omitted))
}
