import Kernel
import Logging
import SystemPackage

extension LogEvent {
  /// Everything that is attached to the event: the nearer to the call, the stronger.
  ///
  /// An error that was passed to the logger becomes the error field, unless there is one already.
  func metadata(over handler: Logger.Metadata, _ provider: Logger.MetadataProvider?) -> Logger.Metadata {
    var merged = handler
    if let provided = provider?.get() { merged.merge(provided) { $1 } }
    if let metadata { merged.merge(metadata) { $1 } }
    if let error, merged[EventKey.error] == nil { merged[EventKey.error] = .string("\(error)") }
    return merged
  }
}

extension Logger.MetadataValue {
  /// The value as a journal field holds it: a path as its very bytes, all else as text.
  var bytes: [UInt8] {
    if case .stringConvertible(let value) = self, let path = value as? FilePath { return path.bytes }
    return Array(description.utf8)
  }

  /// The value on one line and without control characters.
  var shown: String { Kernel.shown(bytes) }
}
