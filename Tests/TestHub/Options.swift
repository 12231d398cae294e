extension TestHub {
  /// How a test Hub is set up.
  package struct Options: Sendable {
    /// May read and write.
    package var token = "hf_testwriter"
    /// May read only.
    package var readToken = "hf_testreader"
    /// Whose tokens they are.
    package var user = "tester"
    /// In which nothing may be created; in any other namespace everything.
    package var foreignNamespaces: Set<String> = ["foreign"]
    /// Are there from the start, with one commit, public.
    package var existingRepos: [String] = []
    /// Objects of more bytes are uploaded in parts.
    package var multipartThreshold: Int64 = 20 * 1024 * 1024
    /// Bytes of a part.
    package var chunkSize: Int64 = 8 * 1024 * 1024
    /// Entries of a page of a listing: few, so that paging is always put to the test.
    package var pageSize = 3
    /// How long a signed URL is good for, in seconds; below 0 it never was.
    package var signedURLLifetime = 3600
    /// Whether the LFS batch names `https://huggingface.co` in its URLs, as the real one does to a proxy's clients.
    package var namesPublicHub = false

    /// Speaks TLS with this certificate and its key, both in PEM, under the name `localhost`.
    package var tls: (certificate: String, key: String)?

    package init() {}
  }
}
