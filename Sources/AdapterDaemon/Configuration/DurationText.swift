extension Duration {
  /// Reads `500ms`, `2s`, `1m`, `6h`, `7d`, `1.5s`, or `0`; `nil` for anything else.
  package init?(text: String) {
    if text == "0" {
      self = .zero
      return
    }
    let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400)]
    for (unit, seconds) in units where text.hasSuffix(unit) {
      let number = text.dropLast(unit.count)
      guard number.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }), let value = Double(number),
        value * seconds < 1e9
      else { continue }
      self = .milliseconds(Int64((value * seconds * 1000).rounded()))
      return
    }
    return nil
  }
}
