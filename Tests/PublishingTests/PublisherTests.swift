import Bundles
import Foundation
import Kernel
import Publishing
import Synchronization
import SystemPackage
import TestSupport
import Testing

@Suite struct PublisherTests {
  @Test func anIntentBecomesAFactAndItsStagingGoes() async throws {
    try await withTemporaryDirectory { directory in
      let bench = try Bench(directory, answers: [.success(.committed(commit: "c1", parent: nil, bytes: 1, notes: []))])
      let (publication, bundle) = try sample("x", in: directory)
      _ = try await bench.ledger.enqueue(publication)
      let (row, error) = try await bench.publisher.publish(publication, policy: PublishPolicy())
      #expect(error == nil && row.status == .published && row.commit == "c1" && row.attempts == 1)
      #expect(try await bench.ledger.latestPublished(publication.target)?.id == publication.id)
      #expect(throws: SystemError.self) { try FileIdentity(of: bundle.directory) }
    }
  }

  @Test func aTemporaryFailureWaitsAndIsThenTried() async throws {
    try await withTemporaryDirectory { directory in
      let bench = try Bench(
        directory,
        answers: [
          .failure(.temporary("busy", after: .seconds(7))),
          .success(.unchanged(head: "c1", notes: [])),
        ])
      let (publication, _) = try sample("x", in: directory)
      _ = try await bench.ledger.enqueue(publication)
      let (row, error) = try await bench.publisher.publish(publication, policy: PublishPolicy())
      #expect(error != nil && row.status == .queued && row.reason == "busy")
      #expect(try #require(row.notBefore) >= bench.now.addingTimeInterval(7))
      #expect(try await bench.publisher.due(row, policy: PublishPolicy()) == row.notBefore)
      // The first try had arrived though it looked like a failure: that is a publication, not a finding.
      let (second, _) = try await bench.publisher.publish(row, policy: PublishPolicy())
      #expect(second.status == .published && second.commit == "c1" && second.attempts == 2)
    }
  }

  @Test func whatWillNotHealByItselfIsKeptUntilItIsReleased() async throws {
    try await withTemporaryDirectory { directory in
      let answers: [Result<Receipt, DestinationError>] = [
        .failure(.refused("no such thing")), .success(.committed(commit: "c1", parent: nil, bytes: 1, notes: [])),
      ]
      let bench = try Bench(directory, answers: answers)
      let (publication, bundle) = try sample("x", in: directory)
      _ = try await bench.ledger.enqueue(publication)
      let (row, _) = try await bench.publisher.publish(publication, policy: PublishPolicy())
      #expect(row.status == .refused && row.reason == "no such thing")
      #expect(try await bench.ledger.pending().map(\.status) == [.refused])
      #expect(try FileIdentity(of: bundle.directory).isDirectory)
      try await bench.ledger.releaseRefused()
      let released = try #require(try await bench.ledger.pending(publication.target))
      #expect(released.status == .queued && released.id == publication.id)
      let (second, _) = try await bench.publisher.publish(released, policy: PublishPolicy())
      #expect(second.status == .published)
    }
  }

  @Test func aNewStateTakesTheRefusedOnesPlaceAndKeepsThePauseThatWasAskedFor() async throws {
    try await withTemporaryDirectory { directory in
      let bench = try Bench(
        directory, answers: [.failure(.unauthorized("no")), .failure(.temporary("later", after: .seconds(1800)))])
      let (first, _) = try sample("x", in: directory)
      _ = try await bench.ledger.enqueue(first)
      _ = try await bench.publisher.publish(first, policy: PublishPolicy())
      let (second, _) = try sample("y", in: directory, modified: 2)
      #expect(try await bench.ledger.enqueue(second).map(\.id) == [first.id])
      _ = try await bench.publisher.publish(second, policy: PublishPolicy())
      // A quota of commits an hour is not met by one try for each new state.
      let (third, _) = try sample("z", in: directory, modified: 3)
      #expect(try await bench.ledger.enqueue(third).map(\.id) == [second.id])
      let pending = try #require(try await bench.ledger.pending(third.target))
      #expect(pending.id == third.id)
      #expect(try await bench.publisher.due(pending, policy: PublishPolicy()) >= bench.now.addingTimeInterval(1800))
    }
  }

  @Test func theIntervalBetweenTwoCommitsIsKept() async throws {
    try await withTemporaryDirectory { directory in
      let bench = try Bench(directory, answers: [.success(.committed(commit: "c1", parent: nil, bytes: 1, notes: []))])
      let (first, _) = try sample("x", in: directory)
      _ = try await bench.ledger.enqueue(first)
      _ = try await bench.publisher.publish(first, policy: PublishPolicy())
      let (second, _) = try sample("y", in: directory)
      let policy = PublishPolicy(minimumInterval: .seconds(60))
      #expect(try await bench.publisher.due(second, policy: policy) == bench.now.addingTimeInterval(60))
    }
  }

  @Test func whatWasSupersededMeanwhileIsNotPublished() async throws {
    try await withTemporaryDirectory { directory in
      let bench = try Bench(directory, answers: [])
      let (old, _) = try sample("x", in: directory)
      let (new, _) = try sample("y", in: directory, modified: 2)
      _ = try await bench.ledger.enqueue(old)
      _ = try await bench.ledger.enqueue(new)
      // It was seen as queued before: the destination, which has no answer left, is not asked.
      _ = try await bench.publisher.publish(old, policy: PublishPolicy())
      #expect(try await bench.ledger.pending().map(\.id) == [new.id])
    }
  }

  @Test func oneProcessAtATimePublishesToATarget() async throws {
    try await withTemporaryDirectory { directory in
      let bench = try Bench(directory, answers: [])
      let (publication, _) = try sample("x", in: directory)
      _ = try await bench.ledger.enqueue(publication)
      // flock(2) goes by open files, so another holder in this process is as good as one in another.
      let other = try FileLock(at: directory.appending("locks/org--name@main.lock"), waiting: false)
      let publisher = bench.publisher
      let attempt = Task { try await publisher.publish(publication, policy: PublishPolicy()) }
      var done = publication
      done.status = .published
      done.commit = "c1"
      try await bench.ledger.save(done)
      other.release()
      // The destination, which has no answer, is not asked.
      let (row, error) = try await attempt.value
      #expect(error == nil && row.status == .published && row.commit == "c1")
    }
  }

  @Test func aBundleThatIsGoneIsNotPublished() async throws {
    try await withTemporaryDirectory { directory in
      let bench = try Bench(directory, answers: [])
      let (publication, bundle) = try sample("x", in: directory)
      _ = try await bench.ledger.enqueue(publication)
      try removeTree(bundle.directory)
      let (row, _) = try await bench.publisher.publish(publication, policy: PublishPolicy())
      #expect(row.status == .superseded)
    }
  }
}

/// A ledger, and a destination that answers as it is told.
private struct Bench {
  let ledger: Ledger
  let publisher: Publisher
  let now = Date(microseconds: 1_000_000_000)

  init(_ directory: FilePath, answers: [Result<Receipt, DestinationError>]) throws {
    ledger = try Ledger(at: directory.appending("ledger.sqlite"))
    let now = self.now
    publisher = Publisher(
      ledger: ledger, destination: Scripted(answers), bundles: directory, locks: directory.appending("locks"),
      now: { now }, report: { _ in })
  }

  private final class Scripted: Destination {
    private let answers: Mutex<[Result<Receipt, DestinationError>]>

    init(_ answers: [Result<Receipt, DestinationError>]) {
      self.answers = Mutex(answers)
    }

    func publish(
      _ bundle: StagedBundle, as publication: Publication, policy: PublishPolicy,
      onProgress: @escaping @Sendable (TransferProgress) -> Void
    ) async throws(DestinationError) -> Receipt {
      try answers.withLock { $0.removeFirst() }.get()
    }
  }
}
