import Kernel
import Testing

@Suite(.timeLimit(.minutes(10))) struct GateTests {
  @Test func `all who wait pass when it opens, and who comes later`() async {
    let gate = Gate()
    await withTaskGroup { group in
      for index in 0..<100 {
        group.addTask { index % 2 == 0 ? await gate.wait() : await gate.waitEvenIfCancelled() }
      }
      group.addTask { gate.open() }
    }
    await gate.wait()
    await gate.waitEvenIfCancelled()
    gate.open()
  }

  @Test func `a cancelled task does not wait, whenever it was cancelled`() async {
    let gate = Gate()
    for _ in 0..<200 {
      let task = Task { await gate.wait() }
      task.cancel()
      await task.value
    }
    await Task {
      withUnsafeCurrentTask { $0?.cancel() }
      await gate.wait()
    }.value
  }

  @Test func `who waits even if cancelled, waits`() async {
    let (gate, passed) = (Gate(), Gate())
    let task = Task {
      await gate.waitEvenIfCancelled()
      passed.open()
    }
    task.cancel()
    gate.open()
    await task.value
    await passed.wait()
  }
}
