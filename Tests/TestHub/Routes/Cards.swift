import Foundation
import Hummingbird
import Yams

private struct CardRequest: Decodable {
  let repoType: String
  let content: String
}

extension Core {
  func addCards(to router: Router<HubContext>) {
    router.post("api/validate-yaml") { request, _ in
      let card = try await request.decode(CardRequest.self)
      guard card.repoType == "model" else { throw Refusal(400, "this Hub has models only") }
      let errors = cardErrors(card.content)
      return try json(
        ["errors": errors.map { ["message": $0] }, "warnings": [[String: String]]()],
        status: errors.isEmpty ? .ok : .badRequest)
    }
  }
}

/// What is wrong with a model card. The real Hub only warns of a card without metadata; a publisher of adapters must
/// always have some.
func cardErrors(_ card: String) -> [String] {
  let lines = card.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
  guard lines.first == "---", let end = lines.dropFirst().firstIndex(of: "---") else {
    return ["empty or missing yaml metadata in repo card"]
  }
  let yaml: Any?
  do {
    yaml = try Yams.load(yaml: lines[1..<end].joined(separator: "\n"))
  } catch {
    return ["bad YAML in the metadata: \(error)"]
  }
  guard let metadata = yaml as? [String: Any], !metadata.isEmpty else { return ["the metadata is no mapping"] }
  var errors: [String] = []
  if let base = metadata["base_model"] {
    let models = base as? [String] ?? [base as? String ?? ""]
    for model in models where model.wholeMatch(of: /([\w-][\w.-]*\/)?[\w-][\w.-]*/) == nil {
      errors.append("\"base_model\" with value \"\(model)\" is not valid. Use a model id from https://hf.co/models.")
    }
  }
  for key in ["license", "library_name", "pipeline_tag", "base_model_relation"] {
    if let value = metadata[key], !(value is String) { errors.append("\"\(key)\" must be a string") }
  }
  if let tags = metadata["tags"], !(tags is [String]) { errors.append("\"tags\" must be an array of strings") }
  return errors
}
