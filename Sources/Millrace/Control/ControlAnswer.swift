import Wire

/// A reply of the control socket as its client reads it.
package struct ControlAnswer: Sendable {
  /// The daemon did not do it.
  package struct Refused: Error, CustomStringConvertible {
    package let code: String
    package let message: String

    package var description: String { message }
  }

  /// Keys and their values as JSON, in order, without `id`, `ok` and `more`.
  package private(set) var members: [(key: String, json: [UInt8])] = []
  package let attachment: [UInt8]
  let hasMore: Bool

  /// Reads a reply.
  ///
  /// - Throws: `Refused`, or a `JSONError` for what is no reply.
  init(_ json: UnsafeRawBufferPointer, attachment: [UInt8]) throws {
    var isDone = false
    var hasMore = false
    var texts: [String: String] = [:]
    var members: [(key: String, json: [UInt8])] = []
    var reader = JSONReader(json, maximumDepth: 8)
    try reader.object { (key, reader) throws(JSONError) in
      switch key {
      case "ok": isDone = try reader.boolean()
      case "more": hasMore = try reader.boolean()
      case "id": try reader.skip()
      case "code", "message": texts[key] = try reader.string()
      default: members.append((key, try ControlAnswer.raw(&reader, of: json)))
      }
    }
    guard isDone else {
      throw Refused(code: texts["code"] ?? "", message: texts["message"] ?? "refused")
    }
    self.members = members
    self.hasMore = hasMore
    self.attachment = attachment
  }

  private static func raw(
    _ reader: inout JSONReader, of json: UnsafeRawBufferPointer
  ) throws(JSONError) -> [UInt8] {
    _ = reader.peek()
    let start = reader.position
    try reader.skip()
    return Array(json[start..<reader.position])
  }

  // MARK: Values

  /// One line of JSON.
  package var line: [UInt8] {
    var line = Array("{".utf8)
    for (index, member) in members.enumerated() {
      if index > 0 { line.append(UInt8(ascii: ",")) }
      JSONText.append(member.key, to: &line)
      line.append(UInt8(ascii: ":"))
      line += member.json
    }
    return line + Array("}\n".utf8)
  }

  /// A value for people: texts without their quotes.
  package func text(_ key: String) -> String? {
    members.first { $0.key == key }.map { ControlAnswer.shown($0.json) }
  }

  package static func shown(_ json: [UInt8]) -> String {
    json.withUnsafeBytes { bytes in
      var reader = JSONReader(bytes)
      if let text = try? reader.string() { return text }  // why: what is no text is shown as it is
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  /// The objects of an array, each as an answer of its own.
  func objects(_ key: String) throws -> [ControlAnswer] {
    guard let array = members.first(where: { $0.key == key })?.json else { return [] }
    var objects: [ControlAnswer] = []
    try array.withUnsafeBytes { bytes in
      var reader = JSONReader(bytes, maximumDepth: 8)
      try reader.array { (reader) throws(JSONError) in
        var object = ControlAnswer()
        try reader.object { (key, reader) throws(JSONError) in
          object.members.append((key, try ControlAnswer.raw(&reader, of: bytes)))
        }
        objects.append(object)
      }
    }
    return objects
  }

  /// What a command says of its own.
  init(_ fields: ControlFields) throws {
    let bytes = Array("{\"ok\":true,\(fields.text)}".utf8)
    self = try bytes.withUnsafeBytes { try ControlAnswer($0, attachment: []) }
  }

  private init() {
    attachment = []
    hasMore = false
  }
}
