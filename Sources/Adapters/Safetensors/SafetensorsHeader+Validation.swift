/// Why a header is not valid.
struct InvalidHeader: Error {
  let reason: String

  init(_ reason: String) {
    self.reason = reason
  }
}

extension SafetensorsHeader {
  /// Judges the header's JSON.
  ///
  /// - Throws: ``InvalidHeader``.
  init(parsing bytes: [UInt8]) throws(InvalidHeader) {
    guard String(validating: bytes, as: UTF8.self) != nil else { throw InvalidHeader("its header is not UTF-8") }
    var reader = JSON.MemberReader(bytes, loneSurrogates: false)
    func next() throws(InvalidHeader) -> JSON.Object.Member? {
      do throws(JSON.ParseError) {
        return try reader.next()
      } catch {
        throw InvalidHeader("its header is not a JSON object: \(error)")
      }
    }

    var metadata: [String: String]?
    var tensors: [Tensor] = []
    // By their bytes: Swift's strings are equal when they look equal, a reader's names are not.
    var names: Set<[UInt8]> = []
    while let member = try next() {
      guard names.insert(Array(member.key.utf8)).inserted else {
        throw InvalidHeader("its header has `\(member.key)` twice")
      }
      if member.key == "__metadata__" {
        metadata = try Self.metadata(member.value)
      } else {
        tensors.append(try Tensor(name: member.key, member.value))
      }
    }
    tensors.sort { ($0.bytes.lowerBound, $0.bytes.upperBound) < ($1.bytes.lowerBound, $1.bytes.upperBound) }
    var end: UInt64 = 0
    for tensor in tensors {
      guard tensor.bytes.lowerBound == end else {
        throw InvalidHeader("tensor `\(tensor.name)` does not begin where the one before it ends")
      }
      end = tensor.bytes.upperBound
    }
    self.init(tensors: tensors, metadata: metadata ?? [:], dataSize: end)
  }

  private static func metadata(_ json: JSON) throws(InvalidHeader) -> [String: String] {
    if json == .null { return [:] }  // as MLX writes it
    guard let members = json.object?.members else { throw InvalidHeader("its metadata is not a JSON object") }
    var metadata: [String: String] = [:]
    for member in members {
      guard let text = member.value.string else { throw InvalidHeader("its metadata `\(member.key)` is not a string") }
      metadata[member.key] = text
    }
    return metadata
  }
}

extension SafetensorsHeader.Tensor {
  fileprivate init(name: String, _ json: JSON) throws(InvalidHeader) {
    guard let object = json.object else { throw InvalidHeader("tensor `\(name)` is not a JSON object") }
    func field(_ key: String) throws(InvalidHeader) -> JSON {
      let values = object.members.filter { $0.key == key }
      guard values.count == 1, let value = values.first?.value else {
        throw InvalidHeader("tensor `\(name)` has \(values.isEmpty ? "no" : "more than one") \(key)")
      }
      return value
    }
    func numbers(_ key: String) throws(InvalidHeader) -> [UInt64] {
      guard let elements = try field(key).array else { throw InvalidHeader("tensor `\(name)`: \(key) is not a list") }
      var numbers: [UInt64] = []
      for element in elements {
        guard case .number(let text) = element, !text.hasPrefix("-"), let number = UInt64(text) else {
          throw InvalidHeader("tensor `\(name)`: \(key) must hold whole numbers that are not negative")
        }
        numbers.append(number)
      }
      return numbers
    }

    guard let dtype = try field("dtype").string, let bits = Self.bits[dtype] else {
      throw InvalidHeader("tensor `\(name)` has an unknown dtype")
    }
    let shape = try numbers("shape")
    let offsets = try numbers("data_offsets")
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw InvalidHeader("tensor `\(name)`: data_offsets must be a beginning and an end")
    }
    var size = UInt64(1)
    for factor in shape + [bits] {
      let (product, overflow) = size.multipliedReportingOverflow(by: factor)
      guard !overflow else { throw InvalidHeader("tensor `\(name)` has a shape that overflows 64 bits") }
      size = product
    }
    guard size % 8 == 0, offsets[1] - offsets[0] == size / 8 else {
      throw InvalidHeader("tensor `\(name)`: shape times dtype is not its length")
    }
    self.init(name: name, dtype: dtype, shape: shape.map { Int(clamping: $0) }, bytes: offsets[0]..<offsets[1])
  }

  /// Bits of one element, for every type that safetensors 0.8.0 knows.
  private static let bits: [String: UInt64] = [
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
  ]
}
