import Testing

@testable import Hub

@Suite struct EndpointTests {
  @Test(arguments: [
    ("https://huggingface.co", "https://huggingface.co"), ("https://huggingface.co//", "https://huggingface.co"),
    ("HTTPS://HuggingFace.co:443/", "https://huggingface.co"),
    ("https://hub.corp:8443/hf/", "https://hub.corp:8443/hf"),
    ("http://127.0.0.1:8080", "http://127.0.0.1:8080"), ("http://127.8.9.1", "http://127.8.9.1"),
    ("http://localhost:1/", "http://localhost:1"), ("http://[::1]:8080/x", "http://[::1]:8080/x"),
  ])
  func takes(_ text: String, _ url: String) throws {
    #expect(try Endpoint(parsing: text).url == url)
  }

  @Test(arguments: [
    ("http://huggingface.co", "this machine only"), ("http://127.0.0.1.example.org", "this machine only"),
    ("http://10.0.0.1", "this machine only"), ("http://128.0.0.1", "this machine only"),
    ("http://localhost.example.org", "this machine only"), ("http://[::2]", "this machine only"),
    ("http://127.1", "this machine only"), ("https://me:secret@huggingface.co", "user name"),
    ("https://huggingface.co?x=1", "query"), ("https://huggingface.co#x", "query"), ("huggingface.co", "https://"),
    ("", "https://"), ("ftp://huggingface.co", "https://"), ("https://", "https://"), ("https:///path", "https://"),
    ("https://hugging face.co", "no URL"), ("https://huggingface.co:99999", "https://"),
  ])
  func refuses(_ text: String, _ reason: String) throws {
    let error = try #require(throws: HubError.self) { try Endpoint(parsing: text) }
    #expect(error.kind == .refused)
    #expect(error.description.contains(reason), "\(error)")
    #expect(!error.description.contains("secret"))
  }

  /// A Hub behind a proxy names itself as the world knows it.
  @Test func putsItselfInThePlaceOfThePublicHub() throws {
    let proxy = try Endpoint(parsing: "https://proxy.corp/hf")
    #expect(proxy.adopting("https://huggingface.co/a/b?x=1") == "https://proxy.corp/hf/a/b?x=1")
    #expect(proxy.adopting("https://huggingface.co.evil.org/a") == "https://huggingface.co.evil.org/a")
    #expect(proxy.adopting("https://s3.amazonaws.com/a") == "https://s3.amazonaws.com/a")
    let home = try Endpoint(parsing: "https://huggingface.co")
    #expect(home.adopting("https://huggingface.co/a") == "https://huggingface.co/a")
  }

  @Test(arguments: [
    ("https://huggingface.co", "https://s3.example.org/x?sig=1", true),
    ("https://huggingface.co", "http://s3.example.org/x", false),
    ("https://huggingface.co", "http://127.0.0.1/x", false),
    ("http://127.0.0.1:1", "http://127.0.0.1:2/x", true), ("http://127.0.0.1:1", "http://s3.example.org/x", false),
    ("http://127.0.0.1:1", "https://s3.example.org/x", true), ("https://huggingface.co", "file:///etc/passwd", false),
    ("https://huggingface.co", "https://u:p@s3.example.org/x", false), ("https://huggingface.co", "/relative", false),
  ])
  func sendsNothingInClearOverTheNetwork(_ endpoint: String, _ href: String, _ isPermitted: Bool) throws {
    #expect(try Endpoint(parsing: endpoint).permits(href) == isPermitted)
  }
}
