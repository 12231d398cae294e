import Foundation
import GRDB
import Kernel
import SystemPackage

/// What was, is and is to be published, in SQLite: the intent is written before, the fact after, so that a crash at any
/// point leaves a truth to go on from.
package final class Ledger: Sendable {
  private let database: DatabaseQueue

  /// Opens the ledger at `path`, or makes it.
  ///
  /// - Throws: ``Damaged`` if it is no ledger, or not whole; GRDB's `DatabaseError` if it cannot be opened, for want of
  ///   space or of permission say.
  package init(at path: FilePath) throws {
    var configuration = Configuration()
    configuration.label = "ledger"
    configuration.busyMode = .timeout(10)
    configuration.prepareDatabase { database in
      // A fact that was written must outlive a power cut: see https://sqlite.org/pragma.html#pragma_synchronous.
      try database.execute(sql: "PRAGMA synchronous = FULL")
      try database.execute(sql: "PRAGMA journal_mode = WAL")
    }
    do {
      database = try DatabaseQueue(path: path.string, configuration: configuration)
      try Self.migrator.migrate(database)
      // Small as it is, looking at every page takes no time, and a damaged one is found now and not in the middle.
      let findings = try database.read { try String.fetchAll($0, sql: "PRAGMA integrity_check(1)") }
      if findings != ["ok"] { throw Damaged(description: findings.joined(separator: "; ")) }
    } catch let error as DatabaseError where [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode) {
      throw Damaged(description: "\(error)")
    }
  }

  /// Whether `error`, of any method here or of a file beside it, may pass by itself: a disk that is full, mounted read-only or failing, another
  /// process that is busy with it.
  package static func mayPass(_ error: any Error) -> Bool {
    if let error = error as? SystemError {
      return [.noSpace, .diskQuotaExceeded, .readOnlyFileSystem, .ioError].contains(error.errno)
    }
    guard let code = (error as? DatabaseError)?.resultCode else { return false }
    let passing: [ResultCode] = [
      .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_BUSY, .SQLITE_LOCKED,
    ]
    return passing.contains(code)
  }

  /// It cannot be read any more, and will not heal.
  package struct Damaged: Error, CustomStringConvertible {
    package let description: String
  }

  /// Puts `publication` into the ledger; what waits for the same target is superseded by it in the same step, unless it
  /// is being committed. A pause that the target asked for is kept.
  ///
  /// - Returns: what it superseded.
  package func enqueue(_ publication: Publication) async throws -> [Publication] {
    try await database.write { database in
      let waiting = try Publication.fetchAll(
        database,
        sql:
          "SELECT * FROM publication WHERE \(Self.ofTarget) AND status IN ('queued', 'refused') ORDER BY created, id",
        arguments: Self.arguments(publication.target))
      var publication = publication
      publication.notBefore = (waiting + [publication]).compactMap(\.notBefore).max()
      var superseded: [Publication] = []
      for var old in waiting {
        old.status = .superseded
        old.reason = "a newer state came before it was published"
        old.updated = publication.created
        try old.save(database)
        superseded.append(old)
      }
      try publication.save(database)
      return superseded
    }
  }

  /// Writes that a commit of `publication` is being made, unless something newer took its place meanwhile.
  ///
  /// - Returns: whether it may go on; from then on nothing supersedes it.
  package func begin(_ publication: Publication) async throws -> Bool {
    try await database.write { database in
      let known = try Publication.fetchOne(database, key: publication.id)
      guard known?.status.isPending == true else { return false }
      try publication.save(database)
      return true
    }
  }

  /// The row of this id.
  package func row(_ id: String) async throws -> Publication? {
    try await database.read { try Publication.fetchOne($0, key: id) }
  }

  /// Writes the row of `publication`, in the place of the one with its id.
  package func save(_ publication: Publication) async throws {
    try await database.write { try publication.save($0) }
  }

  /// Records that a state needed no commit. The same finding again, after each restart say, only renews the row's time.
  package func recordSkipped(_ publication: Publication) async throws {
    try await database.write { database in
      var arguments = Self.arguments(publication.target)
      arguments += [publication.status.rawValue, publication.stamp, publication.reason]
      let known = try Publication.fetchOne(
        database,
        sql: """
          SELECT * FROM publication WHERE \(Self.ofTarget) AND status = ? AND stamp = ? AND reason IS ?
          """, arguments: arguments)
      guard var known else { return try publication.save(database) }
      known.updated = publication.updated
      known.attempts += 1
      try known.save(database)
    }
  }

  /// The last publication that reached `target`.
  package func latestPublished(_ target: PublishTarget) async throws -> Publication? {
    try await first("status = 'published' ORDER BY updated DESC, rowid DESC", target)
  }

  /// The last state that `target` was found to hold, whether it took a commit or not.
  package func latestHeld(_ target: PublishTarget) async throws -> Publication? {
    try await first("status IN ('published', 'unchanged') AND digest <> '' ORDER BY updated DESC, rowid DESC", target)
  }

  /// What is known of exactly this state at `target`: published, unchanged, superseded, or on its way.
  package func decision(on stamp: String, at target: PublishTarget) async throws -> Publication? {
    try await first("stamp = ? AND status <> 'failed' ORDER BY updated DESC, rowid DESC", target, [stamp])
  }

  /// What waits, or was being committed when the process ended, for `target`.
  package func pending(_ target: PublishTarget) async throws -> Publication? {
    try await first("\(Self.isPending) ORDER BY created DESC, rowid DESC", target)
  }

  /// Everything that waits or was being committed, oldest first.
  package func pending() async throws -> [Publication] {
    try await database.read {
      try Publication.fetchAll(
        $0, sql: "SELECT * FROM publication WHERE \(Self.isPending) ORDER BY created, rowid")
    }
  }

  /// Puts what was refused in line again: somebody may have mended the reason.
  package func releaseRefused() async throws {
    try await database.write {
      try $0.execute(sql: "UPDATE publication SET status = 'queued', not_before = NULL WHERE status = 'refused'")
    }
  }

  /// The newest rows, newest first.
  package func history(limit: Int = 1000) async throws -> [Publication] {
    try await database.read {
      try Publication.fetchAll(
        $0, sql: "SELECT * FROM publication ORDER BY updated DESC, rowid DESC LIMIT ?", arguments: [limit])
    }
  }

  /// See ``Publication/Status/isPending``.
  private static let isPending = "status IN ('committing', 'queued', 'refused')"
  private static let ofTarget = "endpoint = ? AND repo = ? AND revision = ?"

  private static func arguments(_ target: PublishTarget) -> StatementArguments {
    [target.endpoint, target.repo, target.revision]
  }

  private func first(
    _ condition: String, _ target: PublishTarget, _ more: StatementArguments = []
  ) async throws -> Publication? {
    try await database.read {
      try Publication.fetchOne(
        $0, sql: "SELECT * FROM publication WHERE \(Self.ofTarget) AND \(condition) LIMIT 1",
        arguments: Self.arguments(target) + more)
    }
  }
}
