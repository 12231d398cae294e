import Adapters
import Kernel
import SystemPackage

/// How long a training takes from one save to the next, as far as its files tell.
enum SaveInterval {
  /// Several intervals: an evaluation or a slow disk may double one.
  private static let factor: Int64 = 3
  /// Where no two saves can be compared.
  private static let least: Duration = .seconds(600)

  /// For how long nothing must be written after `state` until its training counts as over. Blocks.
  static func rest(after state: AdapterState, among states: [AdapterState]) -> Duration {
    var times = states.map(\.weights.identity.modified)
    // mlx-lm leaves a numbered copy of each save beside the weights.
    for name in (try? names(in: state.directory)) ?? [] where name.shown.hasSuffix("_adapters.safetensors") {
      if let identity = try? FileIdentity(of: state.directory.appending(name)) { times.append(identity.modified) }
    }
    times.sort()
    let longest = zip(times, times.dropFirst()).map { $1 - $0 }.max() ?? 0
    return max(least, .nanoseconds(longest * factor))
  }
}
