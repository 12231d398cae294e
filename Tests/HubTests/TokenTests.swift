import Testing

@testable import Hub

@Suite struct TokenTests {
  @Test(arguments: ["hf_abc", "hf_abc\n", "\r\nhf_abc\r\n", "  hf_abc\t \n"])
  func losesWhatIsAroundIt(_ text: String) {
    #expect(Token(text).authorization == "Bearer hf_abc")
  }

  @Test(arguments: ["", " \n", "hf_a\nb", "hf a", "hf_é", "hf_\u{0}"])
  func isNoHeaderIfItIsNoToken(_ text: String) {
    #expect(Token(text).authorization == nil)
  }

  @Test func isNeverPrinted() {
    struct Holder { let token: Token? }
    let token = Token("hf_secret")
    var dumped = ""
    dump(Holder(token: token), to: &dumped)
    dump(token, to: &dumped)
    let texts = [
      "\(token)", String(reflecting: token), String(describing: Holder(token: token)),
      String(reflecting: Holder(token: token)), "\(Optional(token) as Any)", "\([token])", dumped,
    ]
    for text in texts {
      #expect(!text.contains("secret"))
      #expect(text.contains("‹redacted›"))
    }
    #expect(Mirror(reflecting: token).children.isEmpty)
  }
}
