import Foundation

/// How much is to be tortured, and with which dice: the one place that reads the environment.
enum Torture {
  /// Whether the long forms run: `ADAPTERD_TORTURE=full`, as `make torture` sets it.
  static let isFull = environment["ADAPTERD_TORTURE"] == "full"

  /// Where the dice begin: `ADAPTERD_TORTURE_SEED`, to have a run again; else new each time.
  static let seed = environment["ADAPTERD_TORTURE_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0..<1_000_000_000)

  /// One of two sizes.
  static func size(short: Int, full: Int) -> Int { isFull ? full : short }

  /// Says what was done. On stderr, whose lines come out one by one.
  static func say(_ text: String) {
    FileHandle.standardError.write(Data("torture: \(text) (ADAPTERD_TORTURE_SEED=\(seed))\n".utf8))
  }

  private static var environment: [String: String] { ProcessInfo.processInfo.environment }
}

/// SplitMix64: the same numbers for the same seed, on every machine.
struct Dice: RandomNumberGenerator {
  private var state: UInt64

  /// - Parameter stream: Dice of the same seed and another stream have nothing to do with each other.
  init(seed: UInt64 = Torture.seed, stream: UInt64) {
    state = seed &+ stream &* 0xD1B5_4A32_D192_ED03
    _ = next()
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A number of `range`.
  mutating func roll(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

  /// Whether it happens that happens once in `times`.
  mutating func once(in times: Int) -> Bool { roll(1...times) == 1 }

  /// One of `choices`, which is not empty.
  mutating func pick<T>(_ choices: [T]) -> T { choices[roll(0...(choices.count - 1))] }
}
