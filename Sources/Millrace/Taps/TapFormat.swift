import Wire

/// How `millrace tap` prints messages.
package enum TapFormat: String, CaseIterable, Sendable {
  /// For people: topic, number, and the values to four digits.
  case lines
  /// One JSON object a message, with every digit.
  case json
  /// One array a message as numpy's file format has it, one behind the other.
  case npy

  /// A topic that has no numbers cannot be printed as an array.
  struct NotNumbers: Error, CustomStringConvertible {
    let topic: String

    var description: String {
      "\(topic) carries JSON, which is no array; watch tokens, output, gates or state, "
        + "or say --format json"
    }
  }

  /// What is to be written; nil where there is nothing to say.
  ///
  /// - Throws: `NotNumbers` for a topic without numbers in the format `npy`.
  func bytes(of message: TapMessage) throws -> [UInt8]? {
    switch self {
    case .lines: TapFormat.line(message)
    case .json: TapFormat.json(message)
    case .npy: try TapFormat.array(message)
    }
  }

  // MARK: JSON

  private static func json(_ message: TapMessage) -> [UInt8] {
    let header = message.header
    var line = Array(
      "{\"topic\":\(JSONText.quoted(message.topic)),\"number\":\(header.number)".utf8)
    line += Array(",\"sequence\":\(message.note.sequence)".utf8)
    let flags = MessageFlags.names.filter { header.flags.contains($0.flag) }
    if !flags.isEmpty {
      line += Array(",\"flags\":[\(flags.map { "\"\($0.name)\"" }.joined(separator: ","))]".utf8)
    }
    if header.model != 0 {
      line += Array(",\"model\":\"\(ModelKey.text(of: header.model))\"".utf8)
    }
    let payload = message.payload
    switch header.elementType {
    case .json:
      line += Array(",\"value\":".utf8)
      line += payload.last == 0x0a ? Array(payload.dropLast()) : Array(payload)
    case .int32:
      let ids = [Int32](copying: payload)
      line += Array(",\"tokens\":[\(ids.map(String.init).joined(separator: ","))]".utf8)
    case .float32: append([Float](copying: payload), width: Int(header.width), to: &line)
    case .uint8: append(payload.map(Float.init), width: Int(header.width), to: &line)
    case .text:
      var input = InputLine(stream: StreamID(literal: "none"), payload: .text(Array(payload)))
      input.number = nil
      input.appendPayload(to: &line)
    case .none: break
    }
    return line + Array("}\n".utf8)
  }

  private static func append(_ values: [Float], width: Int, to line: inout [UInt8]) {
    line += Array(",\"values\":[".utf8)
    for (index, value) in values.enumerated() {
      line += Array((index == 0 ? "[" : index % max(1, width) == 0 ? "],[" : ",").utf8)
      JSONText.append(value, to: &line)
    }
    line += Array((values.isEmpty ? "]" : "]]").utf8)
  }

  // MARK: Lines

  private static func line(_ message: TapMessage) -> [UInt8] {
    let header = message.header
    let topic = message.topic.hasPrefix("tap/") ? message.topic.dropFirst(4) : message.topic[...]
    let place = topic.hasSuffix("/") ? topic.dropLast() : topic
    let flags = MessageFlags.names.filter { header.flags.contains($0.flag) }.map(\.name)
    let head = ([place + " \(header.number)"] + flags).joined(separator: " ")
    switch header.elementType {
    case .json: return Array("\(head)  ".utf8) + trimmed(message.payload) + [0x0a]
    case .text:
      return Array(
        "\(head)  \(JSONText.quoted(String(decoding: message.payload, as: UTF8.self)))\n".utf8)
    case .int32:
      let ids = [Int32](copying: message.payload)
      return Array("\(head)  \(ids.map(String.init).joined(separator: " "))\n".utf8)
    case .float32, .uint8:
      let values =
        header.elementType == .float32
        ? [Float](copying: message.payload) : message.payload.map(Float.init)
      let width = max(1, Int(header.width))
      // A row a line, so that columns stand below each other.
      let rows = stride(from: 0, to: values.count, by: width).map {
        values[$0..<min(values.count, $0 + width)].map(short).joined(separator: " ")
      }
      return Array((rows.isEmpty ? "\(head)\n" : rows.map { "\(head)  \($0)\n" }.joined()).utf8)
    case .none: return Array("\(head)\n".utf8)
    }
  }

  private static func trimmed(_ payload: UnsafeRawBufferPointer) -> [UInt8] {
    payload.last == 0x0a ? Array(payload.dropLast()) : Array(payload)
  }

  /// Four digits, nine columns: `   0.1234`, `-1.23e-05`.
  static func short(_ value: Float) -> String {
    guard value.isFinite else { return pad("\(value)") }
    let size = abs(value)
    if value == 0 { return pad("0") }
    guard size >= 1e-3, size < 1e5 else {
      // The shortest decimal has its own exponent; three digits of it are enough here.
      let exponent = Int(value.exponent10)
      let digits = (Double(value) / power(of: exponent) * 100).rounded() / 100
      return pad("\(digits)e\(exponent)")
    }
    return pad("\((Double(value) * 1e4).rounded() / 1e4)")
  }

  private static func power(of exponent: Int) -> Double {
    (0..<abs(exponent)).reduce(1.0) { power, _ in exponent < 0 ? power / 10 : power * 10 }
  }

  private static func pad(_ text: String) -> String {
    String(repeating: " ", count: max(0, 9 - text.utf8.count)) + text
  }

  // MARK: Arrays

  /// An array of (count, width): format 1.0 of numpy's `npy`, whose header is padded to 64 bytes.
  private static func array(_ message: TapMessage) throws -> [UInt8]? {
    let header = message.header
    let type: String
    switch header.elementType {
    case .float32, .int32: type = header.elementType.name
    case .uint8, .text: type = "|u1"
    case .none: return nil
    case .json: throw NotNumbers(topic: message.topic)
    }
    var text =
      "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(header.count), \(header.width)), }"
    let length = (10 + text.utf8.count + 1 + 63) / 64 * 64
    text += String(repeating: " ", count: length - 10 - text.utf8.count - 1) + "\n"
    var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
    withUnsafeBytes(of: UInt16(text.utf8.count).littleEndian) { bytes += $0 }
    return bytes + Array(text.utf8) + Array(message.payload)
  }
}

extension Float {
  /// The power of ten of its first digit.
  fileprivate var exponent10: Int {
    var exponent = 0
    var rest = Double(abs(self))
    while rest >= 10 {
      rest /= 10
      exponent += 1
    }
    while rest < 1 {
      rest *= 10
      exponent -= 1
    }
    return exponent
  }
}
