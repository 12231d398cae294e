/// What a safetensors file says of itself before its data: which tensors, of which type and shape, where.
///
/// The rules are those of the Rust reader that all of safetensors stands on, version 0.8.0: what it rejects is no whole
/// file here either. Stricter in one thing: a name that stands twice is never right, also where the reader takes the
/// last of the two.
package struct SafetensorsHeader: Sendable, Equatable {
  /// One tensor.
  package struct Tensor: Sendable, Equatable {
    package let name: String
    /// As written, e.g. `F32`.
    package let dtype: String
    package let shape: [Int]
    /// Where its bytes are, from the end of the header.
    package let bytes: Range<UInt64>
  }

  /// What a look at a file's header and size says.
  package enum Reading: Sendable, Equatable {
    /// Nothing is missing: the size is what the header promises.
    case whole(SafetensorsHeader)
    /// May still become whole, since it is the beginning of what could be a valid file. Says what is missing.
    case torn(String)
    /// No valid file begins like this. Says why.
    case broken(String)
  }

  /// In the order of their bytes.
  package let tensors: [Tensor]
  /// Free text that the writer put in, e.g. `format: pt`.
  package let metadata: [String: String]
  /// Bytes of data that follow the header.
  package let dataSize: UInt64

  /// The longest header that readers accept, in bytes.
  package static let longest: UInt64 = 100_000_000
}
