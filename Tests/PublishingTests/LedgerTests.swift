import Foundation
import Kernel
import Publishing
import SystemPackage
import TestSupport
import Testing

@Suite struct LedgerTests {
  @Test func whatIsWrittenIsReadBackByAnother() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("ledger.sqlite")
      var (publication, _) = try sample("{}", in: directory)
      publication.duration = .microseconds(1234)
      publication.notBefore = Date(microseconds: 5_000_000)
      publication.reason = "why"
      _ = try await Ledger(at: path).enqueue(publication)
      #expect(try await Ledger(at: path).pending() == [publication])
      #expect(try await Ledger(at: path).history() == [publication])
    }
  }

  @Test func pathsAreBytes() async throws {
    try await withTemporaryDirectory { directory in
      let ledger = try Ledger(at: directory.appending("ledger.sqlite"))
      let odd = FilePath(bytes: [0x2F, 0xFF, 0x0A, 0x61])
      let row = Publication(
        target: PublishTarget(endpoint: "e", repo: "r", revision: "main"), outputs: odd, run: odd, directory: odd,
        format: "mlx", step: nil, modified: 0, stamp: "s", digest: "d", bytes: 0, status: .queued,
        created: Date(microseconds: 1))
      try await ledger.save(row)
      #expect(try await ledger.pending().first?.outputs == odd)
    }
  }

  @Test func newestWins() async throws {
    try await withTemporaryDirectory { directory in
      let ledger = try Ledger(at: directory.appending("ledger.sqlite"))
      let (old, _) = try sample("old", in: directory, modified: 1)
      let (new, _) = try sample("new", in: directory, modified: 2)
      let (other, _) = try sample("other", in: directory, modified: 3, repo: "org/other")
      _ = try await ledger.enqueue(old)
      #expect(try await ledger.enqueue(new).map(\.id) == [old.id])
      #expect(try await ledger.enqueue(other).isEmpty)
      #expect(try await ledger.pending().map(\.id) == [new.id, other.id])
      #expect(try await ledger.history().first { $0.id == old.id }?.status == .superseded)
    }
  }

  @Test func whatIsBeingCommittedIsNotSuperseded() async throws {
    try await withTemporaryDirectory { directory in
      let ledger = try Ledger(at: directory.appending("ledger.sqlite"))
      var (old, _) = try sample("old", in: directory, modified: 1)
      old.status = .committing
      try await ledger.save(old)
      let (new, _) = try sample("new", in: directory, modified: 2)
      #expect(try await ledger.enqueue(new).isEmpty)
      #expect(try await ledger.pending().map(\.status) == [.committing, .queued])
    }
  }

  @Test func theSameFindingIsOneRow() async throws {
    try await withTemporaryDirectory { directory in
      let ledger = try Ledger(at: directory.appending("ledger.sqlite"))
      var (row, _) = try sample("same", in: directory)
      row.becomeSkipped("as before", now: Date(microseconds: 1))
      try await ledger.recordSkipped(row)
      row.becomeSkipped("as before", now: Date(microseconds: 2))
      try await ledger.recordSkipped(row)
      let history = try await ledger.history()
      #expect(history.count == 1)
      #expect(history.first?.updated == Date(microseconds: 2))
    }
  }
}
