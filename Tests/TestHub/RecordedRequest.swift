/// A request as it came, and what was answered.
package struct RecordedRequest: Sendable {
  package let method: String
  /// As sent, percent-encoded, without the query.
  package let path: String
  /// As sent; empty if there was none.
  package let query: String
  /// Names in lower case.
  package let headers: [String: String]
  /// As announced by `Content-Length`; 0 without one.
  package let bodyLength: Int64
  /// Of the answer; `nil` as long as there is none, and for ever if it was lost on purpose.
  package internal(set) var status: Int?

  /// Whether it went to the storage by a signed URL.
  package var isSigned: Bool { query.contains("X-Amz-Signature=") }
}
