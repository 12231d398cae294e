import Adapters
import Mustache

/// The texts of a bundle that people read, made from one record so that they agree with each other and with
/// `config.json`.
package struct ModelCard {
  let record: AdapterRecord
  let format: AdapterFormat
  /// `namespace/name`, for the snippets.
  let repo: String
  let template: String?

  /// The library whose rule the Hub counts by.
  var library: String { format.rawValue }

  /// `README.md`: the user's own with its front matter completed, else a new one.
  ///
  /// - Throws: ``BundleError/invalid(file:reason:)`` for a front matter or a template that is none.
  func readme(keeping own: FrontMatter?) throws(BundleError) -> String {
    do throws(FrontMatter.Invalid) {
      if let own, template == nil { return try completed(own).card() }
      return try completed(try FrontMatter(parsing: try text())).card()
    } catch {
      throw .invalid(file: "README.md", reason: error.description)
    }
  }

  /// The card without front matter, from the template if there is one.
  func text() throws(FrontMatter.Invalid) -> String {
    guard let template else { return "\n# \(title)\n\n\(introduction)\n\(parameters)\n## Use\n\n\(snippet)" }
    do {
      let values = Dictionary(uniqueKeysWithValues: record.json.members.map { ($0.key, Self.plain($0.value)) })
      let context = values.merging(["repo": repo, "library_name": library, "usage": snippet]) { own, _ in own }
      // Markdown is no HTML: nothing is escaped.
      return try MustacheTemplate(string: "{{% CONTENT_TYPE:TEXT}}\n" + template).render(context)
    } catch {
      throw FrontMatter.Invalid(description: "the card template cannot be rendered: \(error)")
    }
  }

  /// `MODEL_CARD.md`: the same text for readers of the folder; the Hub does not read it.
  func modelCard() throws(BundleError) -> String {
    do throws(FrontMatter.Invalid) {
      let body = try FrontMatter(parsing: try text()).body
      return String(body.drop(while: \.isNewline))
    } catch {
      throw .invalid(file: "MODEL_CARD.md", reason: error.description)
    }
  }

  /// `USAGE.md`.
  var usage: String {
    "# Using \(title)\n\n\(snippet)\n## Download only\n\n```sh\nhf download \(repo)\n```\n"
  }

  /// `LICENSE-THIRD-PARTY.md`: what the adapter builds on is under its own terms.
  var thirdPartyLicenses: String {
    var lines = [
      "# Third-party licences", "",
      "This adapter is of no use without the model that it adapts; that model and the data have terms of their own.",
      "",
    ]
    for (label, key) in [("Base model", "base_model"), ("Original model", "base_model_reference")] {
      if let id = record.text(key) { lines.append("- \(label): [\(id)](https://huggingface.co/\(id))") }
    }
    if let dataset = record.text("trained_on") {
      let link = LocalPaths.isHubID(dataset) ? "[\(dataset)](https://huggingface.co/datasets/\(dataset))" : dataset
      lines.append("- Training data: \(link)")
    }
    if lines.count == 4 { lines.append("- The base model is not named in the training run's files.") }
    if let license = record.text("license") { lines += ["", "Licence of this adapter: \(license)"] }
    return lines.joined(separator: "\n") + "\n"
  }

  private var title: String { record.text("model_name") ?? repo }

  private var introduction: String { record.text("description").map { "\($0)\n" } ?? "" }

  private var parameters: String {
    let rows = record.json.members.filter { !["model_name", "description"].contains($0.key) }
    return "| Property | Value |\n|---|---|\n" + rows.map { "| `\($0.key)` | \(Self.plain($0.value)) |\n" }.joined()
  }

  private var snippet: String {
    let base = record.text("base_model") ?? "BASE-MODEL"
    return switch format {
    case .mlx:
      """
      ```python
      from huggingface_hub import snapshot_download
      from mlx_lm import generate, load

      model, tokenizer = load("\(base)", adapter_path=snapshot_download("\(repo)"))
      print(generate(model, tokenizer, prompt="Hello"))
      ```

      """
    case .peft:
      """
      ```python
      from peft import PeftModel
      from transformers import AutoModelForCausalLM

      model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("\(base)"), "\(repo)")
      ```

      """
    }
  }

  /// `card` with every key that the Hub should see; what the user wrote stays unless it would be wrong.
  private func completed(_ card: FrontMatter) -> FrontMatter {
    var card = card
    // The library decides which file counts, so it is never left to chance or to a trainer's template (TRL's says
    // "transformers" on a LoRA).
    card.set("library_name", library)
    if let base = record.text("base_model") {
      card.set("base_model", base)
      card.set("base_model_relation", "adapter")
    } else if !card.strings("base_model").allSatisfy(LocalPaths.isHubID) || !card.has("base_model") {
      // The Hub refuses a card whose base_model is no id.
      card.remove("base_model")
    }
    if !card.has("license"), let license = record.text("license") { card.set("license", license) }
    if !card.has("datasets"), let dataset = record.text("trained_on"), LocalPaths.isHubID(dataset) {
      card.set("datasets", [dataset])
    }
    if !card.has("pipeline_tag"), let task = record.text("task") { card.set("pipeline_tag", task) }
    var tags = card.strings("tags").filter { tag in
      guard let id = tag.split(separator: ":").last, tag.hasPrefix("base_model:") else { return true }
      return LocalPaths.isHubID(String(id))
    }
    for tag in [record.text("adapter_type"), library].compactMap({ $0 }) where !tags.contains(tag) { tags.append(tag) }
    card.set("tags", tags)
    return card
  }

  /// The card that somebody wrote, with what makes `ours` count and be found: the keys that say what it is are ours, the
  /// others are theirs where they have any. An empty text is no text.
  ///
  /// - Returns: `nil` if one of the two has a front matter that is none.
  package static func merging(_ theirs: String, with ours: String) -> String? {
    guard var card = try? FrontMatter(parsing: theirs), let own = try? FrontMatter(parsing: ours) else { return nil }
    card.take(["library_name", "base_model", "base_model_relation"], from: own, replacing: true)
    card.take(["license", "datasets", "pipeline_tag"], from: own, replacing: false)
    let tags = card.strings("tags")
    card.set("tags", tags + own.strings("tags").filter { !tags.contains($0) })
    if card.body.allSatisfy(\.isWhitespace) { card.body = own.body }
    return try? card.card()
  }

  private static func plain(_ value: JSON) -> String {
    value.string ?? String(value.serialized().dropLast())
  }
}
