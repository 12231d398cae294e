import Hub
import Testing

@Suite struct RepoIDTests {
  @Test(arguments: [
    "salakash/AskBuddyX", "a/b", "org-1/model_2.5B", "_x/y_", "A.b/c-d", "o/\(String(repeating: "n", count: 96))",
  ])
  func takesWhatTheHubTakes(_ text: String) throws {
    let repo = try RepoID(parsing: text)
    #expect("\(repo)" == text)
    #expect("\(repo.namespace)/\(repo.name)" == text)
  }

  @Test(arguments: [
    ("", "one namespace"), ("model", "one namespace"), ("a/b/c", "one namespace"), ("datasets/a/b", "one namespace"),
    ("/b", "1 to 96"), ("a/", "1 to 96"), ("a/\(String(repeating: "n", count: 97))", "1 to 96"),
    ("a/b c", "only the letters"), ("a/bé", "only the letters"), ("a/b%2F", "only the letters"),
    ("a/b\n", "only the letters"), ("a/b?x=1", "only the letters"), ("a/-b", "start or end"), ("a/b.", "start or end"),
    (".a/b", "start or end"), ("a-/b", "start or end"), ("a/b--c", "'--'"), ("a/b..c", "'--'"), ("a/b.git", ".git"),
    ("a/..", "start or end"),
  ])
  func namesTheRuleThatIsBroken(_ text: String, _ rule: String) throws {
    let error = try #require(throws: HubError.self) { try RepoID(parsing: text) }
    #expect(error.kind == .refused)
    #expect(error.description.contains(rule), "\(error)")
  }
}
