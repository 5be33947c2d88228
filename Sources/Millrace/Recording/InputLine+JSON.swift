import Wire

/// An input line as JSON: what `InputLine.init(json:fallback:)` reads back to the same elements.
extension InputLine {
  /// Appends the line and its newline.
  func append(to bytes: inout [UInt8], writesTimes: Bool) {
    bytes.append(contentsOf: #"{"stream":""#.utf8)
    bytes.append(contentsOf: stream.name.utf8)  // its alphabet needs no escapes
    bytes.append(UInt8(ascii: "\""))
    if let number {
      bytes.append(contentsOf: #","number":"#.utf8)
      JSONText.append(number, to: &bytes)
    }
    // At number 0 a life begins by itself.
    if start, number != 0 { bytes.append(contentsOf: #","start":true"#.utf8) }
    if reset { bytes.append(contentsOf: #","reset":true"#.utf8) }
    appendPayload(to: &bytes)
    if end { bytes.append(contentsOf: #","end":true"#.utf8) }
    if isOpenMark { bytes.append(contentsOf: #","open":true"#.utf8) }
    if writesTimes, let microseconds {
      let digits = String(microseconds % 1_000_000 + 1_000_000).dropFirst()
      bytes.append(contentsOf: ",\"at\":\(microseconds / 1_000_000).\(digits)".utf8)
    }
    bytes.append(contentsOf: "}\n".utf8)
  }

  func appendPayload(to bytes: inout [UInt8]) {
    switch payload {
    case .none:
      // A line must ask for something.
      if start, number == 0, !reset, !end { bytes.append(contentsOf: #","start":true"#.utf8) }
    case .text(let text):
      if let string = String(validating: text, as: UTF8.self) {
        bytes.append(contentsOf: #","text":"#.utf8)
        JSONText.append(string, to: &bytes)
      } else {
        bytes.append(contentsOf: #","bytes":""#.utf8)
        for byte in text {
          bytes.append(contentsOf: String(UInt16(byte) + 0x100, radix: 16).utf8.dropFirst())
        }
        bytes.append(UInt8(ascii: "\""))
      }
    case .tokens(let ids):
      bytes.append(
        contentsOf: ",\"tokens\":[\(ids.map(String.init).joined(separator: ","))]".utf8)
    case .values(let values, let width):
      bytes.append(contentsOf: #","values":"#.utf8)
      appendValues(values, width: width, to: &bytes)
    }
  }

  private func appendValues(_ values: [Float], width: Int, to bytes: inout [UInt8]) {
    let isOneRow = values.count == width
    if !isOneRow { bytes.append(UInt8(ascii: "[")) }
    for (index, value) in values.enumerated() {
      if index % max(1, width) == 0 {
        if index > 0 { bytes.append(contentsOf: "],".utf8) }
        bytes.append(UInt8(ascii: "["))
      } else {
        bytes.append(UInt8(ascii: ","))
      }
      // JSON has no infinity; this is read back as one, and refused as it was.
      if value.isInfinite {
        bytes.append(contentsOf: (value < 0 ? "-1e999" : "1e999").utf8)
      } else {
        JSONText.append(value, to: &bytes)
      }
    }
    bytes.append(contentsOf: (values.isEmpty ? "[]" : isOneRow ? "]" : "]]").utf8)
  }
}
