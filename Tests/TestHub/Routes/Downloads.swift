import Foundation
import Hummingbird

extension Core {
  /// What the real Hub counts.
  func addDownloads(to router: Router<HubContext>) {
    router.get("/:namespace/:name/resolve/:revision/**") { request, context in
      try self.file(request, context, withBody: true)
    }
    router.head("/:namespace/:name/resolve/:revision/**") { request, context in
      try self.file(request, context, withBody: false)
    }
  }

  /// Files of git itself as they are, for people who look at them.
  func addRaw(to router: Router<HubContext>) {
    router.get("/:namespace/:name/raw/:revision/**") { _, context in
      let (_, _, commit) = try self.commit(context)
      guard case .regular(let bytes)? = commit.tree[try context.rest()] else { throw Refusal.noEntry }
      return Response(
        status: .ok, headers: fields(["Content-Type": "text/plain; charset=utf-8"]),
        body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }
  }

  private func file(_ request: Request, _ context: HubContext, withBody: Bool) throws -> Response {
    let (id, _, commit) = try commit(context)
    guard let blob = commit.tree[try context.rest()] else {
      throw Refusal(
        404, "Entry not found", code: "EntryNotFound", headers: ["X-Repo-Commit": commit.oid])
    }
    var headers = ["X-Repo-Commit": commit.oid, "ETag": "\"\(blob.identity)\"", "Accept-Ranges": "none"]
    switch blob {
    case .regular(let bytes):
      headers["Content-Type"] = "text/plain; charset=utf-8"
      headers["Content-Length"] = "\(bytes.count)"
      return Response(
        status: .ok, headers: fields(headers), body: withBody ? .init(byteBuffer: ByteBuffer(bytes: bytes)) : .init())
    case .lfs(let pointer):
      headers["X-Linked-Size"] = "\(pointer.size)"
      headers["X-Linked-ETag"] = "\"\(pointer.sha256)\""
      headers["Location"] = Signature.url("GET", "/storage/downloads/\(id)/\(pointer.sha256)", self)
      return Response(status: .found, headers: fields(headers))
    }
  }
}
