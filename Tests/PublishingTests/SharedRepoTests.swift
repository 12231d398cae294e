import Bundles
import Foundation
import Hub
import Kernel
import Publishing
import SystemPackage
import TestHub
import TestSupport
import Testing

/// A repo to which others write too: people on its page, daemons on other machines.
@Suite(.timeLimit(.minutes(5))) struct SharedRepoTests {
  private static let repo = "org/name"
  private static let card = "---\nlibrary_name: peft\nlicense: mit\ntags:\n- lora\n---\n\n# As it was made\n"

  /// Publishes states to one Hub, without a ledger: all that one knows of the other is in the repo.
  private struct Machine {
    let hub: TestHub
    let directory: FilePath

    func publish(_ text: String, written: Int64, card: String? = nil) async throws -> Receipt {
      var files = ["config.json": Array("{\"state\":\"\(text)\"}".utf8)]
      files["README.md"] = card.map { Array($0.utf8) }
      let (publication, bundle) = try sample(files, in: directory, modified: written, repo: repo)
      return try await withClient(of: hub) { client in
        try await HubDestination(client: client).publish(bundle, as: publication, policy: PublishPolicy()) { _ in }
      }
    }

    func text(_ path: String) -> String? { hub.files(repo)[path].map { String(decoding: $0, as: UTF8.self) } }
  }

  private func withMachine(_ body: (Machine) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      try await TestHub.withServer { try await body(Machine(hub: $0, directory: directory)) }
    }
  }

  private func notes(_ receipt: Receipt) throws -> [String] {
    guard case .committed(_, _, _, let notes) = receipt else {
      Issue.record("\(receipt)")
      return []
    }
    return notes
  }

  @Test func whatIsOlderThanWhatIsThereIsNotPublished() async throws {
    try await withMachine { machine in
      guard case .committed(let newest, _, _, _) = try await machine.publish("new", written: 2_000_000_001) else {
        return
      }
      #expect(try await machine.publish("old", written: 2_000_000_000) == .superseded(by: newest))
      // Somebody's own commit on top does not hide it.
      machine.hub.commitByHand(Self.repo, files: ["notes.txt": [1]])
      #expect(try await machine.publish("old", written: 2_000_000_000) == .superseded(by: newest))
      #expect(machine.text("config.json") == #"{"state":"new"}"#)
      #expect(machine.hub.commits(Self.repo).filter { $0.title.hasPrefix("Publish") }.count == 1)
      // The same weights, described anew.
      let notes = try notes(await machine.publish("again", written: 2_000_000_001))
      #expect(notes.isEmpty)
      #expect(machine.text("config.json") == #"{"state":"again"}"#)
    }
  }

  @Test func aClockThatWasWrongHoldsNothingUp() async throws {
    try await withMachine { machine in
      let future = Int64(Date().timeIntervalSince1970 + 86_400) * 1_000_000_000
      _ = try await machine.publish("of the future", written: future)
      _ = try await machine.publish("now", written: 1)
      #expect(machine.text("config.json") == #"{"state":"now"}"#)
    }
  }

  @Test func aStateThatIsOlderMeanwhileIsNotPublishedEither() async throws {
    try await withMachine { machine in
      _ = try await machine.publish("first", written: 1)
      // Between its look at the repo and its commit another machine publishes what is newer.
      let other = machine
      machine.hub.inject(.before("/commit/") { _ = try await other.publish("third", written: 3) })
      guard case .superseded = try await machine.publish("second", written: 2) else {
        Issue.record("the older state was published")
        return
      }
      #expect(machine.hub.commits(Self.repo).filter { $0.title.hasPrefix("Publish") }.count == 2)
      #expect(machine.text("config.json") == #"{"state":"third"}"#)
    }
  }

  @Test func aCardThatSomebodyWroteOnTheHubIsKept() async throws {
    try await withMachine { machine in
      _ = try await machine.publish("1", written: 1, card: Self.card)
      #expect(machine.text("README.md") == Self.card)
      let theirs = "---\nlicense: apache-2.0\nlanguage: de\nlibrary_name: transformers\n---\n\n# In my words\n"
      machine.hub.commitByHand(Self.repo, files: ["README.md": Array(theirs.utf8)])
      // The second publication after it must keep it too, though then the last commit is our own.
      for state in ["2", "3"] {
        let made = Self.card.replacing("As it was made", with: "Made \(state)")
        let notes = try notes(await machine.publish(state, written: Int64(state) ?? 0, card: made))
        #expect(notes.count == 1 && notes.first?.contains("README.md") == true, "\(notes)")
        let now = try #require(machine.text("README.md"))
        #expect(now.hasSuffix("\n# In my words\n"))
        #expect(now.contains("library_name: peft") && !now.contains("transformers"))
        #expect(now.contains("license: apache-2.0") && now.contains("language: de") && now.contains("- lora"))
        #expect(machine.text("config.json") == "{\"state\":\"\(state)\"}")
      }
      // The same again is no commit.
      let commits = machine.hub.commits(Self.repo).count
      guard case .unchanged = try await machine.publish("3", written: 3, card: Self.card) else {
        Issue.record("a commit of nothing")
        return
      }
      #expect(machine.hub.commits(Self.repo).count == commits)
      #expect(!machine.hub.requests.contains { $0.path.contains("/resolve/") })
    }
  }

  @Test func aCardThatWasThereBeforeUsIsKeptAndAnEmptyOneIsNone() async throws {
    try await withMachine { machine in
      machine.hub.commitByHand(Self.repo, files: ["README.md": Array("# Mine\n".utf8)])
      _ = try await machine.publish("1", written: 1, card: Self.card)
      #expect(machine.text("README.md")?.hasSuffix("\n# Mine\n") == true)
      #expect(machine.text("README.md")?.contains("library_name: peft") == true)
    }
    try await withMachine { machine in
      // What the Hub's page for a new repo leaves there.
      machine.hub.commitByHand(Self.repo, files: ["README.md": Array("---\nlicense: llama3\n---\n".utf8)])
      _ = try await machine.publish("1", written: 1, card: Self.card)
      #expect(machine.text("README.md")?.hasSuffix("\n# As it was made\n") == true)
      #expect(machine.text("README.md")?.contains("license: llama3") == true)
    }
  }

  @Test func aCardThatCannotBeMergedStaysAsItIs() async throws {
    try await withMachine { machine in
      let theirs = "---\nlicense: [\n---\n# Broken, but mine\n"
      machine.hub.commitByHand(Self.repo, files: ["README.md": Array(theirs.utf8)])
      let notes = try notes(await machine.publish("1", written: 1, card: Self.card))
      #expect(notes.count == 1)
      #expect(machine.text("README.md") == theirs)
      #expect(machine.text("config.json") == #"{"state":"1"}"#)
    }
  }

  @Test func whatElseSomebodyChangedIsReplacedAndSaid() async throws {
    try await withMachine { machine in
      _ = try await machine.publish("1", written: 1, card: Self.card)
      machine.hub.commitByHand(Self.repo, files: ["config.json": Array("{}".utf8), "theirs.txt": [1]])
      let notes = try notes(await machine.publish("2", written: 2, card: Self.card))
      #expect(notes == ["replaced what somebody else had put there: config.json"])
      #expect(machine.text("config.json") == #"{"state":"2"}"#)
      #expect(machine.hub.files(Self.repo)["theirs.txt"] == [1])
      // The next time it is ours again.
      let later = try self.notes(await machine.publish("3", written: 3, card: Self.card))
      #expect(later.isEmpty)
    }
  }
}
