import Foundation
import Kernel
import SystemPackage
import TestSupport
import Testing

/// Whatever safetensors refuses is refused with its reason and not published; the next whole file is.
@Suite struct DamagedFilesTests {
  private struct Expectation: Decodable {
    struct Verdict: Decodable { let verdict: String }
    let safetensors: Verdict
    enum CodingKeys: String, CodingKey { case safetensors = "safetensors_0.8.0" }
  }

  @Test(.timeLimit(.minutes(10))) func nothingDamagedIsPublishedAndTheNextWholeFileIs() async throws {
    try await withTemporaryDirectory { directory in
      let expected = try JSONDecoder().decode(
        [String: Expectation].self, from: Data(contents(Fixtures.corrupt.appending("expected.json"))))
      let site = try Site(directory)
      try site.configure(repo: "org/{directory}")
      let peft = Fixtures.outputs("peft-lora").appending("run1/final")
      let mlx = Fixtures.outputs("mlx-lora").appending("adapters")
      func isMLX(_ file: String) -> Bool { file.contains("mlx") }
      func weights(_ file: String) -> FilePath {
        site.outputs.appending(name(file)).appending(isMLX(file) ? "adapters.safetensors" : "adapter_model.safetensors")
      }
      for file in expected.keys {
        let config = (isMLX(file) ? mlx : peft).appending("adapter_config.json")
        try write(contents(config), to: weights(file).removingLastComponent().appending("adapter_config.json"))
        try write(contents(Fixtures.corrupt.appending(file)), to: weights(file))
      }
      let damaged = expected.filter { $0.value.safetensors.verdict == "reject" }.keys.sorted()
      // Valid as files, but without a tensor they are no adapters.
      let empty = ["empty_no_tensors.safetensors", "metadata_only.safetensors"]
      let whole = expected.keys.filter { !damaged.contains($0) && !empty.contains($0) }.sorted()
      #expect(damaged.count + empty.count + whole.count == expected.count && whole.count == 6)

      let daemon = try await site.start()
      for file in damaged + empty {
        let place = "/outputs/\(name(file))/"
        try await daemon.line { line in
          (line.contains("[event=failed") || line.contains("[event=adapter-incomplete"))
            && (line.contains(place) || line.contains(place.dropLast() + ":"))
        }
      }
      for file in whole { try await daemon.line(with: "published org/\(repo(file))@") }
      let store = StoreReader(root: site.store)
      #expect(Set(store.repos()) == Set(whole.map { "org/\(repo($0))" }))

      // The trainer's next save.
      for file in damaged { try write(contents(peft.appending("adapter_model.safetensors")), to: weights(file)) }
      for file in damaged { try await daemon.line(with: "published org/\(repo(file))@") }
      #expect(await daemon.stop() == 0)
      #expect(store.repos().count == damaged.count + whole.count)
    }
  }

  private func name(_ file: String) -> String { String(file.prefix { $0 != "." }) }

  private func repo(_ file: String) -> String { name(file) }
}
