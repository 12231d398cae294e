import DownloadTracking
import Foundation
import Testing

@Suite struct CountingRulesTests {
  let rules = CountingRules.builtIn

  @Test func everyQueryOfTheTableParses() {
    // Decoding parses each of them; 240 libraries are in the table of the date that it names.
    #expect(rules.date.hasPrefix("2026-08-21"))
    #expect(rules.knows("peft") && rules.knows("mlx") && !rules.knows("mlx-lm"))
  }

  @Test(arguments: ["config.json", "config.yaml", "hyperparams.yaml", "params.json", "meta.yaml"])
  func defaultFilesCountInTheRootOnly(file: String) {
    #expect(rules.counted([file, "nested/\(file)"], by: rules.rule(for: "mlx")) == [file])
    #expect(rules.counted([file], by: rules.rule(for: nil)) == [file])
  }

  @Test(arguments: ["peft", "adapter-transformers"])
  func aLibrarysQueryReplacesTheDefault(library: String) {
    let files = ["config.json", "adapter_config.json", "nested/adapter_config.json"]
    #expect(rules.counted(files, by: rules.rule(for: library)) == ["adapter_config.json"])
  }

  @Test func anUnknownLibraryCountsByDefault() {
    #expect(rules.rule(for: "mlx-lm") == .standard)
  }

  @Test func ggufCountsWhateverTheLibrary() {
    #expect(rules.counted(["a.gguf", "config.json"], by: rules.rule(for: "peft")) == ["a.gguf"])
  }

  @Test func diffusersCountsItsIndexAndRootWeights() {
    let files = ["model_index.json", "unet/model.safetensors", "lora.safetensors", "config.json"]
    #expect(rules.counted(files, by: rules.rule(for: "diffusers")) == ["lora.safetensors", "model_index.json"])
  }
}

@Suite struct VerdictTests {
  @Test func mlxIsCountedByConfig() {
    let verdict = Verdict(paths: ["README.md", "adapters.safetensors", "config.json"], library: "mlx")
    #expect(verdict.summary == "counted: config.json (default rule; library mlx)")
  }

  @Test func peftIsCountedByAdapterConfig() {
    let verdict = Verdict(paths: ["README.md", "adapter_config.json"], library: "peft")
    #expect(verdict.summary == "counted: adapter_config.json (rule of library peft)")
  }

  @Test func peftWithoutAdapterConfigIsNot() {
    let verdict = Verdict(paths: ["README.md", "config.json"], library: "peft")
    #expect(!verdict.isCounted)
    #expect(verdict.summary == "NOT counted: library peft counts adapter_config.json, which is missing")
  }

  @Test func twoCountingFilesAreSaid() {
    let verdict = Verdict(paths: ["config.json", "params.json"], library: "mlx")
    #expect(verdict.summary.contains("each of the 2 files counts"))
  }
}

@Suite struct CountingQueryTests {
  @Test(arguments: [
    (#"path:"a.json""#, "a.json", true), (#"path:"a.json""#, "x/a.json", false),
    (#"path_extension:"nemo""#, "x/y.nemo", true), (#"path_extension:"gz""#, "a.tar.gz", true),
    (#"path_filename:"config" AND path_extension:"json""#, "x/config.json", true),
    (#"path_filename:"config" AND NOT path_extension:"json""#, "x/config.json", false),
    (#"path:"a" OR path:"b" AND path:"c""#, "a", true), (#"(path:"a" OR path:"b") AND path:"c""#, "a", false),
    (#"path_filename:"model" AND path_extension:"mil" AND _exists_:"path_prefix""#, "model.mil", false),
    (#"path_filename:"model" AND path_extension:"mil" AND _exists_:"path_prefix""#, "x/model.mil", true),
    ("path:\"a\"\n  OR\n  path:\"b\"", "b", true), (#"path_prefix:"unet/""#, "unet/x.bin", true),
  ])
  func matches(query: String, path: String, expected: Bool) throws {
    #expect(try CountingQuery(parsing: query).matches(path) == expected)
  }

  @Test(arguments: [
    ("", 1), ("paths:\"a\"", 1), ("path:a", 5), ("path:\"a", 8), ("path:\"a\" path:\"b\"", 10), ("(path:\"a\"", 10),
    ("path:\"a\" AND", 13),
  ])
  func errorsSayWhere(query: String, position: Int) {
    #expect { try CountingQuery(parsing: query) } throws: { error in
      (error as? CountingQuery.ParseError)?.position == position
    }
  }
}
