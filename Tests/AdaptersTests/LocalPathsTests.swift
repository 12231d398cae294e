import Adapters
import Testing

@Suite struct LocalPathsTests {
  @Test(arguments: [
    "/Users/name/models/x", "/", "~/models/x", "~name/x", "~", "./tiny-qwen2", "../data", ".", "..", "C:\\models\\x",
    "c:/models", "file:///srv/x", "\\\\server\\share", ".\\data", "/home/naïve/x",
  ]) func pathsAreTold(text: String) {
    #expect(LocalPaths.isLocalPath(text))
    #expect(!LocalPaths.isHubID(text))
  }

  @Test(arguments: [
    "mlx-community/Qwen2.5-Coder-0.5B-Instruct-4bit", "Qwen/Qwen2.5-Coder-0.5B-Instruct", "flwrlabs/code-alpaca-20k",
    "a/b", "_a/_b_", "01-ai/Yi-6B",
  ]) func hubIDsAreTold(text: String) {
    #expect(LocalPaths.isHubID(text))
    #expect(!LocalPaths.isLocalPath(text))
  }

  @Test(arguments: [
    "", "gpt2", "a/b/c", "a//b", "/b", "a/", "-a/b", "a-/b", "a/.b", "a/b.", "a--x/b", "a/b..c", "a/b.git", "a b/c",
    "é/b", "a/b\n", "https://huggingface.co/a/b", "a/b.ipynb", String(repeating: "a", count: 97) + "/b",
  ]) func whatIsNoHubIDIsNot(text: String) {
    #expect(!LocalPaths.isHubID(text))
  }
}
