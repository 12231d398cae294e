import Foundation
import SystemPackage
import TestSupport
import Testing

/// The real `huggingface_hub` and `safetensors` take what adapterd has published.
@Suite struct HuggingFaceTests {
  @Test(.timeLimit(.minutes(10)), arguments: ["mlx-lora", "peft-lora"])
  func theStoreIsReadOffline(fixture: String) async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure()
      try copyTree(Fixtures.outputs(fixture), to: site.outputs)
      let published = try await site.run("publish", "--config", site.configuration.string)
      #expect(published.status == 0, "\(published.errors)")
      let result = try await Program.run(
        Python.path, ["-c", Self.script],
        environment: [
          "HF_HUB_CACHE": site.store.string, "HF_HUB_OFFLINE": "1", "HOME": directory.string,
          "HF_ENDPOINT": "http://127.0.0.1:9",
        ])
      #expect(result.status == 0, "\(result.errors)\nis \(Python.path) there? `make test` makes it")
      let store = StoreReader(root: site.store)
      let head = try store.head("org/adapter")
      let files = try store.files("org/adapter", at: head).keys.sorted()
      let tensors = fixture == "mlx-lora" ? 28 : 16
      #expect(result.output == "\(head)\n\(files.joined(separator: " "))\n\(tensors) tensors\n")
    }
  }

  private static let script = """
    import os
    from huggingface_hub import hf_hub_download, snapshot_download
    from safetensors import safe_open
    folder = snapshot_download("org/adapter", local_files_only=True)
    print(os.path.basename(folder))
    print(*sorted(os.listdir(folder)))
    hf_hub_download("org/adapter", "README.md", local_files_only=True)
    weights = next(os.path.join(folder, n) for n in os.listdir(folder) if n.endswith(".safetensors"))
    with safe_open(weights, "np") as file:
        print(len([file.get_tensor(name) for name in file.keys()]), "tensors")
    """
}
