import Publishing
import Synchronization
import Testing

@testable import AdapterDaemon

@Suite struct ProgressMeterTests {
  /// What a meter shows of an upload of 100 MB that takes 4 s.
  private func shown(isTerminal: Bool) -> [String] {
    let shown = Mutex<[String]>([])
    let time = Mutex(ContinuousClock.now)
    let meter = ProgressMeter(isTerminal: isTerminal, now: { time.withLock { $0 } }) { text in
      shown.withLock { $0.append(text) }
    }
    meter.note(TransferProgress(file: "small.json", sent: 10, total: 10))
    for step in 0...100 {
      meter.note(TransferProgress(file: "w.safetensors", sent: Int64(step) * 1_000_000, total: 100_000_000))
      time.withLock { $0 += .milliseconds(40) }
    }
    // What is told again at the end is not shown again.
    meter.note(TransferProgress(file: "w.safetensors", sent: 100_000_000, total: 100_000_000))
    meter.finish()
    return shown.withLock { $0 }
  }

  @Test func onATerminalALineIsDrawnOver() {
    let shown = shown(isTerminal: true)
    #expect(shown.count < 45)
    #expect(shown.allSatisfy { $0.hasPrefix("\r\u{1B}[K") && !$0.contains("\n") })
    #expect(shown.contains { $0.hasSuffix("w.safetensors  51%  51 MB of 100 MB  25 MB/s  2 s left") }, "\(shown)")
    #expect(shown.last == "\r\u{1B}[K")
    #expect(shown.dropLast().last?.contains("100%") == true)
  }

  @Test func elsewhereALineBeginsAndALineEnds() {
    #expect(
      shown(isTerminal: false) == [
        "uploading w.safetensors, 100 MB\n", "uploaded w.safetensors, 100 MB, in 4.0 s\n",
      ])
  }
}
