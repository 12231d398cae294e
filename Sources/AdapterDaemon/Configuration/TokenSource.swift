import Foundation
import Hub
import Kernel
import SystemPackage

/// Finds the Hub's token in the places where people and systemd keep it.
package struct TokenSource: Sendable {
  private let environment: [String: String]

  package init(environment: [String: String]) {
    self.environment = environment
  }

  /// The first of: `token_file`, `$CREDENTIALS_DIRECTORY/hf-token`, `HF_TOKEN`, `HF_TOKEN_PATH`, `$HF_HOME/token`.
  ///
  /// - Throws: ``ConfigurationError`` if `token_file` is named and cannot be read or is empty.
  package func token(file: FilePath?) throws(ConfigurationError) -> Token? {
    if let file {
      guard let text = Self.read(file) else {
        throw ConfigurationError(
          "token_file \(file.shown) cannot be read: mind that it must be readable by the daemon's user")
      }
      guard !text.isEmpty else { throw ConfigurationError("token_file \(file.shown) is empty") }
      return Token(text)
    }
    func token(at path: FilePath) -> Token? {
      guard let text = Self.read(path), !text.isEmpty else { return nil }
      return Token(text)
    }
    func set(_ name: String) -> String? {
      guard let value = environment[name]?.trimmingCharacters(in: .whitespacesAndNewlines) else { return nil }
      return value.isEmpty ? nil : value
    }
    if let directory = set("CREDENTIALS_DIRECTORY"), let token = token(at: FilePath(directory).appending("hf-token")) {
      return token
    }
    if let value = set("HF_TOKEN") ?? set("HUGGING_FACE_HUB_TOKEN") { return Token(value) }
    if let path = set("HF_TOKEN_PATH") { return token(at: FilePath(path)) }
    if let home = set("HF_HOME") { return token(at: FilePath(home).appending("token")) }
    if let cache = set("XDG_CACHE_HOME") { return token(at: FilePath(cache).appending("huggingface/token")) }
    return set("HOME").flatMap { token(at: FilePath($0).appending(".cache/huggingface/token")) }
  }

  private static func read(_ path: FilePath) -> String? {
    FileManager.default.contents(atPath: path.string).map {
      String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }
}
