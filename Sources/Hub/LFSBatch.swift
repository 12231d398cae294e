/// How Git LFS's batch API speaks, with the Hub's `multipart` transfer.
enum LFSBatch {
  struct Object: Encodable, Sendable {
    let oid: String
    let size: Int64
  }

  struct Request: Encodable {
    struct Reference: Encodable { let name: String }
    let operation = "upload"
    let transfers = ["basic", "multipart"]
    let hash_algo = "sha256"
    let ref: Reference
    let objects: [Object]
  }

  struct Reply: Decodable {
    let objects: [Item]
  }

  /// What is to be done with one object.
  struct Item: Decodable {
    struct Failure: Decodable {
      let code: Int?
      let message: String?
    }
    struct Action: Decodable {
      let href: String
      let header: [String: String]?
    }
    struct Actions: Decodable {
      let upload: Action?
      let verify: Action?
    }
    let oid: String
    let error: Failure?
    /// None if the Hub has the object.
    let actions: Actions?
  }

  /// The parts of a multipart upload.
  struct Parts: Sendable {
    struct Part: Sendable {
      let number: Int
      let url: String
      let offset: Int64
      let length: Int64
    }
    let parts: [Part]

    /// The keys of `header` are no HTTP headers here: `chunk_size`, and a signed URL for each part's number.
    ///
    /// - Returns: `nil` for a basic upload.
    /// - Throws: ``HubError`` of kind `invalidReply` if the parts do not make up `size` bytes.
    init?(_ action: Item.Action, size: Int64) throws(HubError) {
      guard let header = action.header, let text = header["chunk_size"] else { return nil }
      func invalid(_ reason: String) -> HubError {
        HubError(.invalidReply, message: "the Hub's plan for a multipart upload does not add up: \(reason)")
      }
      guard let chunk = Int64(text), chunk > 0 else { throw invalid("chunk_size is \(text.debugDescription)") }
      let numbered = header.compactMap { key, url in
        key.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(key).map { (number: $0, url: url) } : nil
      }.sorted { $0.number < $1.number }
      let count = size / chunk + (size % chunk == 0 ? 0 : 1)
      guard Int64(numbered.count) == count, numbered.map(\.number) == Array(1...max(1, numbered.count)) else {
        throw invalid("\(numbered.count) parts of \(chunk) bytes for \(size) bytes")
      }
      parts = numbered.map { number, url in
        let offset = Int64(number - 1) * chunk
        return Part(number: number, url: url, offset: offset, length: min(chunk, size - offset))
      }
    }
  }

  struct Completion: Encodable {
    struct Part: Encodable {
      let partNumber: Int
      let etag: String
    }
    let oid: String
    let parts: [Part]
  }
}
