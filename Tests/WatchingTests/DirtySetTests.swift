import SystemPackage
import Testing
import Watching

@Suite struct DirtySetTests {
  @Test func `marks of one directory are one, and are taken once`() {
    let dirty = DirtySet()
    for _ in 0..<1000 { dirty.mark("/out/a") }
    dirty.mark(["/out/b", "/out/a"])
    #expect(dirty.take() == .directories(["/out/a", "/out/b"]))
    #expect(dirty.take() == .nothing)
  }

  @Test func `over the limit it is everything, and the reason is kept beside others`() {
    let dirty = DirtySet(limit: 3)
    dirty.mark(["/1", "/2", "/3"])
    dirty.mark("/2")
    #expect(dirty.take() == .directories(["/1", "/2", "/3"]))
    dirty.mark(["/1", "/2", "/3", "/4"])
    dirty.mark("/5")
    dirty.markEverything(.overflow)
    #expect(dirty.take() == .everything(reasons: [.tooMany, .overflow]))
  }

  @Test func `everything takes the directories in`() {
    let dirty = DirtySet()
    dirty.mark("/a")
    dirty.markEverything(.reload)
    dirty.mark("/b")
    #expect(dirty.take() == .everything(reasons: [.reload]))
  }

  @Test(.timeLimit(.minutes(10))) func `rings that were not heard are one, and none is lost`() async {
    let dirty = DirtySet()
    for _ in 0..<100 { dirty.mark("/a") }
    dirty.ring()
    var rings = dirty.rings.makeAsyncIterator()
    await rings.next()
    #expect(dirty.take() == .directories(["/a"]))
    // Nothing is left of the hundred: what rings next is the next mark.
    dirty.markEverything(.startup)
    await rings.next()
    #expect(dirty.take() == .everything(reasons: [.startup]))
    dirty.ring()
    await rings.next()
    #expect(dirty.take() == .nothing)
  }

  @Test(.timeLimit(.minutes(10))) func `what many threads mark arrives whole`() async {
    let dirty = DirtySet(limit: 100_000)
    let expected = Set((0..<8).flatMap { thread in (0..<500).map { FilePath("/\(thread)/\($0)") } })
    await withTaskGroup { group in
      for thread in 0..<8 {
        group.addTask { for index in 0..<500 { dirty.mark(FilePath("/\(thread)/\(index)")) } }
      }
      var seen: Set<FilePath> = []
      for await _ in dirty.rings {
        if case .directories(let directories) = dirty.take() { seen.formUnion(directories) }
        if seen == expected { break }
      }
      #expect(seen == expected)
    }
  }
}
