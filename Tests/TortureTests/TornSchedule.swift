/// How a process writes a file: which system calls, cut where, with which pauses.
struct TornSchedule: Sendable {
  /// One step, of a file that is to be `name` in the end. `scratch` is a name that it has before that.
  enum Step: Sendable {
    case open(String, truncating: Bool)
    /// Writes these of the file's bytes where they belong.
    case write(Range<Int>)
    case resize(Int)
    /// Gives the file its size before it has its bytes: fallocate(2).
    case allocate(Int)
    /// Maps the file, which has its size, and closes it: the mapping alone keeps it open. Writes go there.
    case map
    case close
    case rename(String, String)
    case link(String, String)
    case remove(String)
    case pause(milliseconds: Int)
  }

  /// In one of many ways; each ends with the whole file, closed.
  ///
  /// Left out is what nobody can tell from a whole file: a rewrite in place, of the same size, that is closed in the
  /// middle. What is closed there is torn by its structure.
  enum Way: CaseIterable, Sendable {
    case chunks, chunksReopened, shrinksAndGrows, inPlace, preallocated, sparse, backwards, mapped
    case renamedWhole, renamedTorn, linked, deletedFirst
  }

  let way: Way
  let steps: [Step]

  /// - Parameters:
  ///   - name: What the file is called in the end.
  ///   - size: Its bytes.
  ///   - settle: The daemon's quiet time in milliseconds; some pauses are longer.
  init(_ name: String, size: Int, settle: Int, dice: inout Dice) {
    way = dice.pick(Way.allCases)
    var maker = Maker(name: name, size: size, settle: settle, dice: dice)
    maker.make(way)
    steps = maker.steps
    dice = maker.dice
  }
}

private struct Maker {
  let name: String
  let size: Int
  let settle: Int
  var dice: Dice
  var steps: [TornSchedule.Step] = []

  /// Some pauses are none, some are longer than anybody waits for quiet.
  mutating func pause() {
    switch dice.roll(0...9) {
    case 0...4: break
    case 5...7: steps.append(.pause(milliseconds: dice.roll(1...(settle / 2))))
    default: steps.append(.pause(milliseconds: dice.roll(settle...(settle * 4))))
    }
  }

  /// Places to cut at, the ends included; any byte, and oftener the ones where the meaning changes.
  mutating func cuts(_ range: Range<Int>) -> [Range<Int>] {
    let places = (0..<dice.roll(0...5)).map { _ in
      dice.once(in: 3) ? dice.pick([1, 7, 8, 9, size - 1]) : dice.roll(0...size)
    }
    let cuts = Set(places.filter { $0 > range.lowerBound && $0 < range.upperBound }).sorted()
    return zip([range.lowerBound] + cuts, cuts + [range.upperBound]).map { $0..<$1 }
  }

  mutating func writeAll(_ range: Range<Int>? = nil, reopening path: String? = nil) {
    for (index, piece) in cuts(range ?? 0..<size).enumerated() {
      if index > 0 {
        if let path, dice.once(in: 2) {
          steps.append(.close)
          pause()
          steps.append(.open(path, truncating: false))
        }
        pause()
      }
      steps.append(.write(piece))
    }
    pause()
  }

  mutating func make(_ way: TornSchedule.Way) {
    // Ignored by name, and not.
    let scratch = dice.pick([".tmp7Q3x", "\(name).tmp", "scratch.bin", "1\(name)"])
    switch way {
    case .chunks:
      steps.append(.open(name, truncating: true))
      writeAll()
      steps.append(.close)
    case .chunksReopened:
      steps.append(.open(name, truncating: true))
      writeAll(reopening: name)
      steps.append(.close)
    case .shrinksAndGrows:
      steps.append(.open(name, truncating: true))
      let end = dice.roll(1...size)
      writeAll(0..<end, reopening: end < size ? name : nil)
      let shorter = dice.roll(0...(end - 1))
      steps.append(.resize(shorter))
      if dice.once(in: 2) {
        steps.append(.close)
        pause()
        steps.append(.open(name, truncating: false))
      }
      writeAll(shorter..<size, reopening: name)
      steps.append(.close)
    case .inPlace:
      steps.append(.open(name, truncating: false))
      // From the front or the back, and only then as long as it is to be.
      if dice.once(in: 2) { writeAll() } else { backwards() }
      steps.append(.resize(size))
      pause()
      steps.append(.close)
    case .preallocated, .sparse:
      steps.append(.open(name, truncating: true))
      steps.append(way == .sparse ? .resize(size) : .allocate(size))
      pause()
      writeAll()
      steps.append(.close)
    case .backwards:
      steps.append(.open(name, truncating: true))
      backwards()
      steps.append(.close)
    case .mapped:
      steps += [.open(name, truncating: true), .resize(size), .map]
      pause()
      if dice.once(in: 2) { writeAll() } else { backwards() }
      steps.append(.close)
    case .renamedWhole:
      steps.append(.open(scratch, truncating: true))
      writeAll(reopening: scratch)
      steps.append(.close)
      pause()
      steps.append(.rename(scratch, name))
    case .renamedTorn:
      steps.append(.open(scratch, truncating: true))
      let end = dice.roll(0...size)
      writeAll(0..<end)
      steps.append(.rename(scratch, name))
      pause()
      writeAll(end..<size)
      steps.append(.close)
    case .linked:
      steps.append(.open(scratch, truncating: true))
      writeAll()
      steps.append(.close)
      steps.append(.remove(name))
      pause()
      steps += [.link(scratch, name), .remove(scratch)]
    case .deletedFirst:
      steps.append(.remove(name))
      pause()
      steps.append(.open(name, truncating: true))
      writeAll(reopening: name)
      steps.append(.close)
    }
    pause()
  }

  private mutating func backwards() {
    for piece in cuts(0..<size).reversed() {
      steps.append(.write(piece))
      pause()
    }
  }
}
