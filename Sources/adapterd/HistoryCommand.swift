import AdapterDaemon
import Adapters
import ArgumentParser
import Foundation
import Kernel
import Publishing
import SystemPackage

struct HistoryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "What was published, when and from what; and what was not, and why.")

  @Flag(help: "One JSON object a line.")
  var json = false

  @Option(help: "The most entries to show.")
  var limit = 100

  @Argument(help: "Only this repo.")
  var repo: String?

  func run() async throws {
    let paths = StatePaths(environment: ProcessInfo.processInfo.environment)
    guard FileManager.default.fileExists(atPath: paths.ledger.string) else {
      throw Failure(
        .noInput,
        "there is no ledger at \(paths.ledger.shown): nothing was published from this state directory yet; a system service keeps its own in /var/lib/adapterd (STATE_DIRECTORY=/var/lib/adapterd adapterd history)"
      )
    }
    let rows: [Publication]
    do {
      rows = try await Ledger(at: paths.ledger).history(limit: limit).filter { repo == nil || $0.target.repo == repo }
    } catch {
      throw Failure(.noInput, "the ledger \(paths.ledger.shown) cannot be read: \(error)")
    }
    if !json, rows.isEmpty { print("nothing yet") }
    for row in rows.reversed() { print(json ? object(row) : line(row)) }
  }

  private func line(_ row: Publication) -> String {
    let time = row.updated.formatted(.iso8601.dateSeparator(.dash).timeSeparator(.colon))
    let commit = row.commit.map { "@\($0.prefix(7))" } ?? ""
    let step = row.step.map { " iteration \($0)" } ?? ""
    let why = row.reason.map { ": \($0)" } ?? ""
    let status = row.status.rawValue + String(repeating: " ", count: max(0, 10 - row.status.rawValue.count))
    return "\(time)  \(status)  \(row.target)\(commit)  \(row.format)\(step)  \(row.directory.shown)\(why)"
  }

  private func object(_ row: Publication) -> String {
    func time(_ date: Date) -> JSON {
      .string(date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
    }
    func text(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }
    let object: JSON.Object = [
      "publication": .string(row.id), "status": .string(row.status.rawValue), "reason": text(row.reason),
      "endpoint": .string(row.target.endpoint), "repo": .string(row.target.repo),
      "revision": .string(row.target.revision), "commit": text(row.commit), "parent": text(row.parent),
      "format": .string(row.format), "iterations": row.step.map { .number($0) } ?? .null,
      "directory": .string(row.directory.shown), "bytes": .number(Int(row.bytes)), "attempts": .number(row.attempts),
      "created": time(row.created), "updated": time(row.updated),
      "duration_usec": row.duration.map { .number(Int($0.microseconds)) } ?? .null, "digest": text(row.digest),
    ]
    return JSON.object(object).line
  }
}
