/// The friendly form of a header: one flat JSON object, for clients written by hand.
///
/// `{"v":1,"kind":"data","number":0,"dtype":"<f4","shape":[3,2],"flags":["START"]}`. Unknown keys
/// are ignored, duplicate ones refused; at most 8 KiB and four levels deep.
package enum FriendlyHeader {
  package static let maximumBytes = 8 * 1024
  package static let maximumDepth = 4

  /// Whether a header part is in this form.
  package static func matches(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.first == UInt8(ascii: "{")
  }

  /// Reads a header; `payloadByteCount` gives text and JSON, which have no shape, their count.
  ///
  /// - Throws: `.version`, `.badHeader`, `.badDType` or `.tooLarge`.
  package static func decode(
    _ bytes: UnsafeRawBufferPointer, payloadByteCount: Int
  ) throws(WireError) -> Header {
    guard bytes.count <= maximumBytes else {
      throw WireError(
        .tooLarge, "the JSON header has \(bytes.count) bytes", expected: "at most \(maximumBytes)")
    }
    var fields = Fields()
    var reader = JSONReader(bytes, maximumDepth: maximumDepth)
    do {
      try reader.object { (key, reader) throws(JSONError) in
        try fields.read(key, from: &reader)
      }
      try reader.finish()
    } catch {
      throw WireError(.badHeader, "the JSON header, \(error)", expected: "one flat JSON object")
    }
    return try fields.header(payloadByteCount: payloadByteCount)
  }

  /// The header as JSON, keys that are at their default left out.
  package static func encode(_ header: Header) -> [UInt8] {
    var text = "{\"v\":1,\"kind\":\"\(header.kind.name)\",\"number\":\(header.number)"
    if header.elementType != .none { text += ",\"dtype\":\"\(header.elementType.name)\"" }
    if header.elementType == .float32 || header.elementType == .int32
      || header.elementType == .uint8
    {
      text += ",\"shape\":[\(header.count),\(header.width)]"
    }
    if !header.flags.isEmpty {
      let names = MessageFlags.names.filter { header.flags.contains($0.flag) }
      text += ",\"flags\":[" + names.map { "\"\($0.name)\"" }.joined(separator: ",") + "]"
    }
    if header.epoch != 0 { text += ",\"epoch\":\(header.epoch)" }
    if header.time != 0 { text += ",\"time\":\(header.time)" }
    if header.input != 0 { text += ",\"input\":\(header.input)" }
    if header.model != 0 { text += ",\"model\":\"\(ModelKey.text(of: header.model))\"" }
    return Array((text + "}").utf8)
  }

  private struct Fields {
    var version: UInt64?
    var kind: String?
    var elementType: String?
    var shape: [UInt64]?
    var flags: MessageFlags = []
    var unknownFlag: String?
    var number: UInt64 = 0
    var epoch: UInt64 = 0
    var time: UInt64 = 0
    var input: UInt64 = 0
    var model: UInt64 = 0
    var badModel: String?

    mutating func read(_ key: String, from reader: inout JSONReader) throws(JSONError) {
      switch key {
      case "v": version = try reader.unsignedInteger()
      case "kind": kind = try reader.string()
      case "dtype": elementType = try reader.string()
      case "number": number = try reader.unsignedInteger()
      case "epoch": epoch = try reader.unsignedInteger()
      case "time": time = try reader.unsignedInteger()
      case "input": input = try reader.unsignedInteger()
      case "model":
        let digits = try reader.string()
        if let key = ModelKey.key(ofDigits: digits) { model = key } else { badModel = digits }
      case "shape":
        var values: [UInt64] = []
        try reader.array { (reader) throws(JSONError) in
          values.append(try reader.unsignedInteger())
        }
        shape = values
      case "flags":
        try reader.array { (reader) throws(JSONError) in
          let name = try reader.string()
          if let known = MessageFlags.names.first(where: { $0.name == name }) {
            flags.insert(known.flag)
          } else {
            unknownFlag = name
          }
        }
      default: try reader.skip()
      }
    }

    func header(payloadByteCount: Int) throws(WireError) -> Header {
      guard version == 1 else {
        throw WireError(
          .version, "\"v\" is \(version.map(String.init) ?? "missing")", expected: "1")
      }
      guard let kind, let kind = MessageKind(name: kind) else {
        throw WireError(
          .badHeader, "\"kind\" is \(self.kind.map(JSONText.quoted) ?? "missing")",
          expected: MessageKind.allCases.map(\.name).joined(separator: ", "))
      }
      if let unknownFlag {
        throw WireError(
          .badHeader, "the flag \(JSONText.quoted(unknownFlag)) is unknown",
          expected: MessageFlags.names.map(\.name).joined(separator: ", "))
      }
      if let badModel {
        throw WireError(
          .badHeader, "\"model\" is \(JSONText.quoted(badModel))",
          expected: "up to 16 hexadecimal digits")
      }
      var header = Header(kind: kind)
      header.flags = flags
      header.number = number
      header.epoch = epoch
      header.time = time
      header.input = input
      header.model = model
      try setShape(of: &header, payloadByteCount: payloadByteCount)
      return header
    }

    private func setShape(of header: inout Header, payloadByteCount: Int) throws(WireError) {
      let fallback: ElementType = header.kind == .data ? .none : .json
      guard
        let type = elementType.map(ElementType.init(name:)) ?? (elementType == nil ? fallback : nil)
      else {
        throw WireError(
          .badDType, "\"dtype\" is \(elementType.map(JSONText.quoted) ?? "missing")",
          expected: ElementType.allCases.map(\.name).joined(separator: ", "))
      }
      header.elementType = type
      switch type {
      case .none: break
      case .text:
        header.count = try exact(UInt64(payloadByteCount))
        header.width = 1
      case .json:
        header.count = 1
        header.width = try exact(UInt64(payloadByteCount))
      case .float32, .int32, .uint8:
        guard let shape, shape.count == 2 else {
          throw WireError(
            .badHeader, "\"shape\" is \(shape.map { "\($0)" } ?? "missing")",
            expected: "[count, width]")
        }
        header.count = try exact(shape[0])
        header.width = try exact(shape[1])
      }
    }

    private func exact(_ value: UInt64) throws(WireError) -> UInt32 {
      guard let value = UInt32(exactly: value) else {
        throw WireError(.badHeader, "\"shape\" holds \(value)", expected: "less than 2^32")
      }
      return value
    }
  }
}
