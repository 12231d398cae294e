import Glibc
import Kernel
import SystemPackage
import TestSupport
import Testing
import Watching

@Suite struct ExclusionsTests {
  @Test(arguments: [
    "wandb", "runs", ".git", ".cache", "__pycache__", "global_step500", "pytorch_model_fsdp_0", "lost+found",
    "tmp-checkpoint-5", ".tmpAbC", "mine", "scratch-7",
  ])
  func `is not looked into`(name: String) {
    let exclusions = Exclusions(names: ["mine", "scratch-[0-9]"], own: [])
    #expect(exclusions.excludesDirectory(FilePath("/out").appending(name)))
  }

  @Test(arguments: ["adapters", "checkpoint-5", "final", "runs2", "my_runs", "wandb-copy", "scratch-x", "mine2"])
  func `is looked into`(name: String) {
    let exclusions = Exclusions(names: ["mine", "scratch-[0-9]"], own: [])
    #expect(!exclusions.excludesDirectory(FilePath("/out").appending(name)))
  }

  @Test(arguments: [
    ".tmpa1b2c3", "model.tmp", "adapters.tmp.safetensors", "card.md~", ".README.md.swp", ".adapter.bin.Ab12Cd",
    "events.out.tfevents.1.host.2.0", "optimizer.pt", "scheduler.pt", "rng_state.pth", "rng_state_0.pth", "train.log",
  ])
  func `is no reason to look`(name: String) {
    #expect(Exclusions(names: [], own: []).ignoresFile(named: Array(name.utf8)))
  }

  @Test(arguments: [
    "adapters.safetensors", "0000010_adapters.safetensors", "adapter_model.safetensors", "adapter_config.json",
    "trainer_state.json", "training_args.bin", "README.md", "tmp", "tokenizer.json",
  ])
  func `is a reason to look`(name: String) {
    #expect(!Exclusions(names: [], own: []).ignoresFile(named: Array(name.utf8)))
  }

  @Test func `names are bytes`() {
    let exclusions = Exclusions(names: ["s?x"], own: [])
    #expect(exclusions.excludesDirectory(FilePath(bytes: Array("/out/s".utf8) + [0xff] + Array("x".utf8))))
    #expect(exclusions.ignoresFile(named: [0xff, 0xfe] + Array(".tmp".utf8)))
    #expect(!exclusions.ignoresFile(named: [0xff, 0xfe]))
  }

  @Test func `the daemon's own directory is known by its path before it exists`() {
    let exclusions = Exclusions(names: [], own: ["/nowhere/out/x/../bundle"])
    #expect(exclusions.excludesDirectory("/nowhere/out/bundle"))
    #expect(exclusions.excludesDirectory("/nowhere/out/bundle/deep"))
    #expect(!exclusions.excludesDirectory("/nowhere/out/bundle2"))
    #expect(!exclusions.excludesDirectory("/nowhere/out"))
  }

  @Test func `the daemon's own directory is known under another path, also when it is replaced`() async throws {
    try await withTemporaryDirectory { root in
      let own = root.appending("real/bundle")
      try makeDirectories(own)
      #expect(symlink("real", root.appending("link").string) == 0)
      let spelledOtherwise = root.appending("link/bundle")
      let exclusions = Exclusions(names: [], own: [own])
      #expect(exclusions.excludesDirectory(spelledOtherwise))
      try rename(own, to: root.appending("real/old"), replacing: false)
      #expect(!exclusions.excludesDirectory(root.appending("real/old")))
      try makeDirectories(own)
      #expect(exclusions.excludesDirectory(spelledOtherwise))
      #expect(!exclusions.excludesDirectory(root.appending("real")))
    }
  }
}
