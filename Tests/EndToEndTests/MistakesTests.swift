import Foundation
import Glibc
import SystemPackage
import TestHub
import TestSupport
import Testing

/// What a user gets to see when something is wrong: the message and the exit code.
@Suite struct MistakesTests {
  @Test(.timeLimit(.minutes(10)), arguments: ["run", "publish", "config"])
  func aTypingErrorInTheConfiguration(command: String) async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try write("[[publish]]\noutputs = \"/o\"\nrpo = \"a/b\"\n", to: site.configuration)
      let arguments =
        (command == "config" ? ["config", "check"] : [command]) + ["--config", site.configuration.string]
      let result = try await Program.run("adapterd", arguments, environment: site.environment)
      #expect(result.status == 78)
      #expect(
        result.errors == "adapterd: \(site.configuration):3: unknown key 'rpo' in [[publish]]; did you mean 'repo'?\n")
    }
  }

  @Test(.timeLimit(.minutes(10)), arguments: ["run", "publish"])
  func aWrongToken(command: String) async throws {
    try await TestHub.withServer { hub in
      try await withTemporaryDirectory { directory in
        let site = try Site(directory, endpoint: hub.endpoint, token: "hf_wrong")
        try site.configure()
        try copyTree(Fixtures.outputs("mlx-lora"), to: site.outputs)
        let result = try await site.run(command, "--config", site.configuration.string)
        #expect(result.status == 77)
        let last = result.errors.split(separator: "\n").last ?? ""
        #expect(last.hasPrefix("adapterd: the Hub refused the token"), "\(result.errors)")
        #expect(last.contains("Invalid credentials in Authorization header"))
        #expect(last.contains("\(hub.endpoint)/settings/tokens"))
        #expect(!result.errors.contains("hf_wrong"))
        #expect(hub.commits("org/adapter").isEmpty)
      }
    }
  }

  @Test(.timeLimit(.minutes(10)), arguments: ["run", "publish"])
  func noToken(command: String) async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory, endpoint: "http://127.0.0.1:9")
      try site.configure()
      try copyTree(Fixtures.outputs("mlx-lora"), to: site.outputs)
      let result = try await site.run(command, "--config", site.configuration.string)
      #expect(result.status == 77)
      #expect(
        result.errors.contains("adapterd: no Hub token found: looked at token_file, $CREDENTIALS_DIRECTORY/hf-token"))
    }
  }

  @Test(.timeLimit(.minutes(10))) func anEndpointThatCannotBeReached() async throws {
    try await withTemporaryDirectory { directory in
      // The discard port: nothing listens there.
      let site = try Site(directory, endpoint: "http://127.0.0.1:9", token: "hf_x")
      try site.configure()
      try copyTree(Fixtures.outputs("mlx-lora"), to: site.outputs)
      let result = try await site.run("publish", "--config", site.configuration.string)
      #expect(result.status == 69)
      #expect(
        result.errors.hasPrefix(
          "adapterd: no answer from http://127.0.0.1:9: Connection refused (at /api/models/org/adapter"),
        "\(result.errors)")
      #expect(result.errors.hasSuffix("; check the network and the endpoint\n"), "\(result.errors.suffix(60))")
      // The daemon goes on trying.
      let daemon = try await site.start()
      try await daemon.line(with: "[event=retry")
      #expect(await daemon.stop() == 0)
    }
  }

  @Test(.timeLimit(.minutes(10))) func outputsThatAreNotThere() async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure()
      for command in ["publish", "bundle"] {
        let result = try await site.run(command, "--config", site.configuration.string)
        #expect(result.status == 66)
        #expect(result.errors == "adapterd: list \(site.outputs): No such file or directory\n", "\(result.errors)")
      }
      // The daemon waits for them.
      let daemon = try await site.start()
      try await daemon.line(with: "it does not exist yet; it will be taken up when it appears")
      try copyTree(Fixtures.outputs("mlx-lora"), to: site.outputs)
      try await daemon.line(with: "[event=published")
      #expect(await daemon.stop() == 0)
    }
  }

  @Test(.timeLimit(.minutes(10)), .enabled(if: getuid() == 0, "only root can run a program as somebody else"))
  func outputsThatCannotBeRead() async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure()
      try copyTree(Fixtures.outputs("mlx-lora"), to: site.outputs)
      chmod(site.outputs.string, 0o700)
      chmod(directory.string, 0o777)
      let result = try await Program.run(
        "/usr/bin/setpriv",
        [
          "--reuid=65534", "--regid=65534", "--clear-groups", Program.directory.appending("adapterd").string, "bundle",
          "--config", site.configuration.string,
        ], environment: site.environment)
      #expect(result.status == 66)
      #expect(result.errors == "adapterd: list \(site.outputs): Permission denied\n", "\(result.errors)")
    }
  }

  @Test(.timeLimit(.minutes(10))) func aDirectoryWithoutAnAdapter() async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure()
      try write("x", to: site.outputs.appending("notes.txt"))
      let result = try await site.run("bundle", "--config", site.configuration.string)
      #expect(result.status == 65)
      #expect(result.errors.hasPrefix("adapterd: no adapter in \(site.outputs)"))
    }
  }

  @Test(.timeLimit(.minutes(10))) func aWrongOptionIsAUsageError() async throws {
    let result = try await Program.run("adapterd", ["run", "--confg", "x"])
    #expect(result.status == 64)
  }

  @Test(.timeLimit(.minutes(10))) func aSecondDaemonOnTheSameState() async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure()
      let daemon = try await site.start()
      let second = try await site.run("run", "--config", site.configuration.string)
      #expect(second.status == 75)
      #expect(second.errors.contains("another adapterd runs with the state directory"))
      #expect(await daemon.stop() == 0)
    }
  }
}
