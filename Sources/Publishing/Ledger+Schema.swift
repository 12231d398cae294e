import Foundation
import GRDB
import Kernel
import SystemPackage

extension Ledger {
  /// The schema, step by step; a step that was released is never changed.
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1: publications") { database in
      try database.create(table: "publication") { table in
        table.primaryKey("id", .text)
        for column in ["endpoint", "repo", "revision", "format", "stamp", "digest", "status"] {
          table.column(column, .text).notNull()
        }
        // Paths are bytes, not text.
        for column in ["outputs", "run", "directory"] { table.column(column, .blob).notNull() }
        for column in ["modified", "bytes", "attempts", "created", "updated"] {
          table.column(column, .integer).notNull()
        }
        for column in ["step", "duration", "not_before"] { table.column(column, .integer) }
        for column in ["reason", "parent", "commit_oid"] { table.column(column, .text) }
      }
      try database.create(
        index: "publication_of_target", on: "publication", columns: ["endpoint", "repo", "revision", "status"])
    }
    return migrator
  }
}

extension Publication: FetchableRecord, PersistableRecord {
  package static let databaseTableName = "publication"

  package init(row: Row) throws {
    let status: String = row["status"]
    guard let status = Status(rawValue: status) else {
      throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "unknown status '\(status)' of a publication")
    }
    func path(_ column: String) -> FilePath { FilePath(bytes: row[column] as Data) }
    let duration: Int64? = row["duration"]
    let notBefore: Int64? = row["not_before"]
    self.init(
      id: row["id"],
      target: PublishTarget(endpoint: row["endpoint"], repo: row["repo"], revision: row["revision"]),
      outputs: path("outputs"), run: path("run"), directory: path("directory"), format: row["format"],
      step: row["step"], modified: row["modified"], stamp: row["stamp"], digest: row["digest"], bytes: row["bytes"],
      status: status, reason: row["reason"], parent: row["parent"], commit: row["commit_oid"],
      attempts: row["attempts"], created: Date(microseconds: row["created"]),
      updated: Date(microseconds: row["updated"]), duration: duration.map { .microseconds($0) },
      notBefore: notBefore.map { Date(microseconds: $0) })
  }

  package func encode(to container: inout PersistenceContainer) {
    container["id"] = id
    container["endpoint"] = target.endpoint
    container["repo"] = target.repo
    container["revision"] = target.revision
    container["outputs"] = Data(outputs.bytes)
    container["run"] = Data(run.bytes)
    container["directory"] = Data(directory.bytes)
    container["format"] = format
    container["step"] = step
    container["modified"] = modified
    container["stamp"] = stamp
    container["digest"] = digest
    container["bytes"] = bytes
    container["status"] = status.rawValue
    container["reason"] = reason
    container["parent"] = parent
    container["commit_oid"] = commit
    container["attempts"] = attempts
    container["created"] = created.microseconds
    container["updated"] = updated.microseconds
    container["duration"] = duration?.microseconds
    container["not_before"] = notBefore?.microseconds
  }
}

extension Date {
  /// Whole microseconds since 1970: what the ledger holds reads back equal.
  package var microseconds: Int64 { Int64((timeIntervalSince1970 * 1_000_000).rounded()) }

  package init(microseconds: Int64) {
    self.init(timeIntervalSince1970: Double(microseconds) / 1_000_000)
  }
}
