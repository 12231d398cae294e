import Adapters
import Bundles
import Crypto
import Kernel

/// What tells, without reading a byte of weights, whether a state was dealt with before: its files' identities and the
/// settings that make the bundle out of them.
package enum SourceStamp {
  /// 64 hexadecimal digits. A `touch` changes it; then the bundle's digest decides.
  package static func stamp(of state: AdapterState, settings: BundleSettings) -> String {
    var hash = SHA256()
    func add(_ text: String) { hash.update(data: Array("\(text.utf8.count):\(text)".utf8)) }
    for file in [state.weights] + state.files.sorted(by: { $0.name < $1.name }) {
      let identity = file.identity
      add("\(file.path.shown) \(identity.device) \(identity.inode) \(identity.size)")
      add("\(identity.modified) \(identity.changed)")
    }
    add(state.weightsName)
    add(state.step.map(String.init) ?? "")
    add(state.runMeta?.serialized() ?? "")
    add("\(settings.repo) \(settings.configJSON.rawValue) \(settings.cardTemplate ?? "")")
    add(JSON.object(settings.metadata).serialized())
    return hexadecimal(hash.finalize())
  }
}
