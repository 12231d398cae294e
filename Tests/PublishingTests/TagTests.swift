import Bundles
import Kernel
import Publishing
import SystemPackage
import TestHub
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct TagTests {
  private static let repo = "org/name"

  @Test(arguments: ["step-{iterations}", "v1.0", "runs/{iterations}", "{iterations}"])
  func isTakenAsGitTakesIt(_ text: String) throws {
    #expect(try TagTemplate(parsing: text).description == text)
  }

  @Test(arguments: [
    "", "a b", "step-{iteration}", "a..b", ".a", "-a", "a/", "/a", "a//b", "a.lock", "a.", "a~1", "a:b", "a\u{7}", "ä",
  ])
  func isRefusedAsGitRefusesIt(_ text: String) {
    #expect(throws: TagTemplate.Invalid.self) { try TagTemplate(parsing: text) }
  }

  private func policy(_ text: String) throws -> PublishPolicy { PublishPolicy(tag: try TagTemplate(parsing: text)) }

  /// Publishes a state of ten iterations.
  private func publish(
    _ text: String, to hub: TestHub, _ directory: FilePath, as tag: String, modified: Int64 = 1
  ) async throws -> Receipt {
    let (publication, bundle) = try sample(text, in: directory, modified: modified, repo: Self.repo)
    let policy = try policy(tag)
    return try await withClient(of: hub) { client in
      try await HubDestination(client: client).publish(bundle, as: publication, policy: policy) { _ in }
    }
  }

  @Test func namesTheCommitAndIsNotMoved() async throws {
    try await withTemporaryDirectory { directory in
      try await TestHub.withServer { hub in
        guard case .committed(let one, _, _, []) = try await publish("1", to: hub, directory, as: "step-{iterations}")
        else {
          Issue.record("no commit without a note")
          return
        }
        #expect(hub.tags(Self.repo) == ["step-10": one])
        guard
          case .committed(_, _, _, let notes) = try await publish(
            "2", to: hub, directory, as: "step-{iterations}", modified: 2)
        else {
          Issue.record("no commit")
          return
        }
        #expect(notes.count == 1 && notes[0].contains("step-10 names \(one.prefix(7)) already"), "\(notes)")
        #expect(hub.tags(Self.repo) == ["step-10": one])
      }
    }
  }

  @Test func ofTheStoreIsAReference() async throws {
    try await withTemporaryDirectory { directory in
      let store = StoreDestination(root: directory.appending("store"))
      func publish(_ text: String) async throws -> Receipt {
        let (publication, bundle) = try sample(text, in: directory)
        return try await store.publish(bundle, as: publication, policy: policy("runs/{iterations}")) { _ in }
      }
      guard case .committed(let one, _, _, []) = try await publish("1"),
        case .committed(let two, _, _, let notes) = try await publish("2")
      else {
        Issue.record("no commits")
        return
      }
      let references = directory.appending("store/models--org--name/refs")
      #expect(try text(references.appending("runs/10")) == one)
      #expect(try text(references.appending("main")) == two)
      #expect(notes.count == 1 && notes[0].contains("not tagged runs/10"), "\(notes)")
    }
  }
}
