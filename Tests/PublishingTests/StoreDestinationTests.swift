import Bundles
import Foundation
import Kernel
import Publishing
import SystemPackage
import TestSupport
import Testing

@Suite struct StoreDestinationTests {
  @Test func aCommitIsASnapshotAndTheBranchPointsToIt() async throws {
    try await withTemporaryDirectory { directory in
      let store = StoreDestination(root: directory.appending("store"))
      let (publication, bundle) = try sample(#"{"a": 1}"#, in: directory)
      let receipt = try await store.publish(bundle, as: publication, policy: PublishPolicy()) { _ in }
      guard case .committed(let commit, nil, 8, _) = receipt else {
        Issue.record("\(receipt)")
        return
      }
      let folder = directory.appending("store/models--org--name")
      #expect(try text(folder.appending("refs/main")) == commit)
      #expect(try text(folder.appending("snapshots/\(commit)/config.json")) == #"{"a": 1}"#)
    }
  }

  @Test func theSameAgainMakesNoCommitAndAnotherHasAParent() async throws {
    try await withTemporaryDirectory { directory in
      let store = StoreDestination(root: directory.appending("store"))
      let (one, first) = try sample("1", in: directory)
      let (two, second) = try sample("2", in: directory)
      guard
        case .committed(let commit, _, _, _) = try await store.publish(
          first, as: one, policy: PublishPolicy(), onProgress: { _ in })
      else {
        Issue.record("no commit")
        return
      }
      #expect(
        try await store.publish(first, as: one, policy: PublishPolicy()) { _ in } == .unchanged(head: commit, notes: [])
      )
      guard
        case .committed(let next, let parent, _, _) = try await store.publish(
          second, as: two, policy: PublishPolicy(), onProgress: { _ in })
      else {
        Issue.record("no commit")
        return
      }
      #expect(parent == commit && next != commit)
    }
  }

  @Test func aStagedFileThatWasTamperedWithIsRefused() async throws {
    try await withTemporaryDirectory { directory in
      let store = StoreDestination(root: directory.appending("store"))
      let (publication, bundle) = try sample("abc", in: directory)
      try write("abd", to: bundle.path(of: "config.json"))
      await #expect(throws: DestinationError.self) {
        try await store.publish(bundle, as: publication, policy: PublishPolicy()) { _ in }
      }
      #expect(throws: (any Error).self) { try contents(directory.appending("store/models--org--name/refs/main")) }
    }
  }

  @Test func aMissingRepoIsNotMadeAgainstTheUsersWill() async throws {
    try await withTemporaryDirectory { directory in
      let store = StoreDestination(root: directory.appending("store"))
      let (publication, bundle) = try sample("abc", in: directory)
      await #expect(throws: DestinationError.refused("the store has no repo org/name and create = false")) {
        try await store.publish(bundle, as: publication, policy: PublishPolicy(create: false)) { _ in }
      }
    }
  }

  @Test func whatAnEndedProcessLeftIsNoObstacle() async throws {
    try await withTemporaryDirectory { directory in
      let store = StoreDestination(root: directory.appending("store"))
      let (publication, bundle) = try sample("abc", in: directory)
      let folder = directory.appending("store/models--org--name")
      guard
        case .committed(let commit, _, _, _) = try await store.publish(
          bundle, as: publication, policy: PublishPolicy(), onProgress: { _ in })
      else {
        Issue.record("no commit")
        return
      }
      // As if the process had ended after the snapshot and before the branch moved, and another in mid-copy.
      try removeTree(folder.appending("refs/main"))
      try write("ab", to: folder.appending("snapshots/\(commit).incomplete/config.json"))
      let blob = try #require(try names(in: folder.appending("blobs")).first)
      try write("ab", to: folder.appending("blobs").appending(blob.string + ".incomplete"))
      try removeTree(folder.appending("blobs").appending(blob))
      guard
        case .committed(let again, _, _, _) = try await store.publish(
          bundle, as: publication, policy: PublishPolicy(), onProgress: { _ in })
      else {
        Issue.record("no commit")
        return
      }
      #expect(again == commit)
      #expect(try text(folder.appending("snapshots/\(commit)/config.json")) == "abc")
      #expect(try names(in: folder.appending("snapshots")).count == 1)
      #expect(try names(in: folder.appending("blobs")).count == 1)
    }
  }
}
