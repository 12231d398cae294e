import ArgumentParser
import SystemPackage
import TrainingReplay

/// `adapterd-replay`: plays a recorded training into a directory, for the demo and for trying out adapterd by hand.
@main
struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adapterd-replay",
    abstract: "Play a recorded training into a directory, with the trainer's own file operations and timing.",
    discussion: """
      Examples:
        adapterd-replay --list
        adapterd-replay mlx /tmp/outputs                    at the recorded pace
        adapterd-replay mlx /tmp/outputs --speed 0          without pauses
        adapterd-replay peft /tmp/outputs --save-gap 3      at least 3 s before each save
        adapterd-replay mlx /tmp/outputs --write-gap 0.2    0.2 s between the writes of one file: torn for long
        adapterd-replay mlx /tmp/outputs --kill-op 40       stop dead, with files left torn; exit code 137
      """)

  @Argument(help: "A recording's name (see --list), or the path of its .json file.")
  var session: String?
  @Argument(help: "The directory to play into; made if it is missing.")
  var target: String?
  @Option(help: "The folder with sessions/ and outputs/.")
  var data = "Tests/TestSupport/Resources"
  @Option(help: "Time factor: 2 is twice as fast, 0 without the recorded pauses.")
  var speed = 1.0
  @Option(help: "The longest recorded pause that is kept, in seconds.")
  var maxGap = 60.0
  @Option(help: "The least pause before each write, rename and close, in seconds.")
  var writeGap = 0.0
  @Option(help: "The least pause before each save, in seconds.")
  var saveGap = 0.0
  @Option(help: "Stop after that many operations and leave the files as they are.")
  var killOp: Int?
  @Flag(help: "Don't lay out what a second run finds from the first.")
  var noInit = false
  @Flag(help: "Print each operation with its time, in seconds.")
  var log = false
  @Flag(help: "List the recordings.")
  var list = false

  func validate() throws {
    guard [speed, maxGap, writeGap, saveGap].allSatisfy({ $0 >= 0 && $0.isFinite }), killOp ?? 0 >= 0 else {
      throw ValidationError("--speed, --max-gap, --write-gap, --save-gap and --kill-op must be 0 or more.")
    }
    if !list, session != nil, target == nil { throw ValidationError("Say which directory to play into.") }
  }

  func run() async throws {
    let sessions = FilePath(data).appending("sessions")
    guard !list, let session, let target else { return try printRecordings(in: sessions) }
    let recording =
      session.hasSuffix(".json")
      ? try Recording(at: FilePath(session)) : try Recording(named: session, in: sessions)
    var player = Player(
      recording, data: FilePath(data), target: FilePath(target),
      options: Player.Options(
        speed: speed, maxGap: .seconds(maxGap), writeGap: .seconds(writeGap), saveGap: .seconds(saveGap),
        noInit: noInit, stopAfter: killOp))
    let began = ContinuousClock.now
    let log = self.log
    try await player.play { operation in
      if log { print("\(seconds(ContinuousClock.now - began, decimals: 4))  \(operation)") }
    }
    if player.played < recording.operations.count {
      let open = player.openFiles.isEmpty ? "none" : player.openFiles.joined(separator: " ")
      standardError("stopped after \(player.played) operations, open files: \(open)\n")
      throw ExitCode(137)
    }
  }

  private func printRecordings(in sessions: FilePath) throws {
    for name in try Recording.names(in: sessions) {
      let recording = try Recording(named: name, in: sessions)
      let padded = name + String(repeating: " ", count: max(0, 12 - name.count))
      let count = String(recording.operations.count)
      print("\(padded) \(count) operations in \(seconds(recording.duration, decimals: 2)) s: \(recording.title)")
    }
  }
}

/// `duration` in seconds, cut to so many decimals.
private func seconds(_ duration: Duration, decimals: Int) -> String {
  let unit = (0..<decimals).reduce(Int64(1)) { result, _ in result * 10 }
  let (seconds, attoseconds) = duration.components
  let digits = String(attoseconds / (1_000_000_000_000_000_000 / unit))
  return "\(seconds)." + String(repeating: "0", count: decimals - digits.count) + digits
}

private func standardError(_ text: String) {
  _ = try? FileDescriptor.standardError.writeAll(Array(text.utf8))
}
