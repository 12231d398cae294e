import Kernel
import SystemPackage
import Testing

@testable import Watching

@Suite struct DirectoryTreeTests {
  @Test func `paths are in order, the root first, each before those below`() {
    var tree = DirectoryTree()
    let root = tree.begin(watch: 1)
    let b = tree.insert(Array("b".utf8), in: root, watch: 2)
    _ = tree.insert(Array("z".utf8), in: b, watch: nil)
    _ = tree.insert([0xff], in: root, watch: 3)
    _ = tree.insert(Array("a b".utf8), in: root, watch: 4)
    #expect(
      tree.paths(from: "/out").map(\.bytes) == ["/out", "/out/a b", "/out/b", "/out/b/z"].map { Array($0.utf8) }
        + [Array("/out/".utf8) + [0xff]])
    #expect(tree.path(of: b, from: "/elsewhere") == "/elsewhere/b")
    #expect(tree.watchCount == 4)
    #expect(tree.unwatched.count == 1)
  }

  @Test func `what goes takes all below it along`() {
    var tree = DirectoryTree()
    let root = tree.begin(watch: 1)
    let a = tree.insert([97], in: root, watch: 2)
    let b = tree.insert([98], in: a, watch: 3)
    let c = tree.insert([99], in: b, watch: nil)
    #expect(tree.isAncestor(a, of: c))
    #expect(!tree.isAncestor(c, of: a))
    #expect(tree.remove(a).sorted() == [2, 3])
    #expect(tree.directory(watchedBy: 3) == nil)
    #expect(tree.child([97], of: root) == nil)
    #expect(!tree.contains(c) && tree.unwatched.isEmpty)
    #expect(tree.paths(from: "/") == ["/"])
  }
}
