import Foundation
import Wire
import ZeroMQ

/// A message of a tap, as the page gets it: one JSON object.
struct PublishedMessage {
  let topic: String
  let sequence: UInt64
  let json: [UInt8]
  /// Whether it is one column of a heat map, of which a page shows few.
  let isColumn: Bool

  private static let payloadBytesMax = 256 * 1024

  /// Nil for what is no published message, or one too large to look at.
  init?(_ message: borrowing Multipart) {
    guard message.partCount >= 5 else { return nil }
    let header: Header
    var sequence: UInt64?
    do {
      header = try Header(bytes: message.bytes(1))
      var note = JSONReader(message.bytes(4))
      try note.object { (key, reader) throws(JSONError) in
        if key == "sequence" { sequence = try reader.unsignedInteger() } else { try reader.skip() }
      }
    } catch {
      return nil
    }
    guard let sequence, message.bytes(2).count <= PublishedMessage.payloadBytesMax else {
      return nil
    }
    topic = message.string(0)
    self.sequence = sequence
    isColumn =
      topic.hasPrefix("tap/inference/gates/") || topic.hasPrefix("tap/inference/state/")
    json = PublishedMessage.json(
      topic, header, sequence, payload: message.bytes(2), ids: message.bytes(3))
  }

  private static func json(
    _ topic: String, _ header: Header, _ sequence: UInt64, payload: UnsafeRawBufferPointer,
    ids: UnsafeRawBufferPointer
  ) -> [UInt8] {
    var json = Array(
      "{\"topic\":\(JSONText.quoted(topic)),\"number\":\(header.number),\"sequence\":\(sequence)"
        .utf8)
    json += ",\"count\":\(header.count),\"width\":\(header.width)".utf8
    switch header.elementType {
    case .json:
      json += ",\"value\":".utf8
      json.append(contentsOf: payload)
    case .int32: json += ",\"tokens\":\"\(Data(payload).base64EncodedString())\"".utf8
    case .float32: json += ",\"floats\":\"\(Data(payload).base64EncodedString())\"".utf8
    case .text, .none, .uint8: break
    }
    if !ids.isEmpty { json += ",\"ids\":\"\(Data(ids).base64EncodedString())\"".utf8 }
    json.append(UInt8(ascii: "}"))
    return json
  }
}
