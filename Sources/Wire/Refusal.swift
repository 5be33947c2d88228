/// The payload of a refusal: `{"code","expected","received","retry","message"}`.
package struct Refusal: Equatable, Sendable {
  package var code: RefusalCode
  /// What was expected: a number for `gap`, words otherwise.
  package var expected: String
  package var received: String
  package var retry: Bool
  package var message: String

  package init(_ code: RefusalCode, expected: String, received: String, message: String) {
    self.code = code
    self.expected = expected
    self.received = received
    self.message = message
    retry = code.isRetryable
  }

  package init(_ error: WireError) {
    self.init(
      error.code, expected: error.expected, received: error.received,
      message: "\(error.received), expected \(error.expected)")
  }

  /// Numbers stay numbers, so that a client can go on from `expected`.
  package var bytes: [UInt8] {
    func value(_ text: String) -> String {
      UInt64(text).map { String($0) == text } == true ? text : JSONText.quoted(text)
    }
    return Array(
      ("{\"code\":\"\(code.rawValue)\",\"expected\":\(value(expected)),"
        + "\"received\":\(value(received)),\"retry\":\(retry),"
        + "\"message\":\(JSONText.quoted(message))}").utf8)
  }

  package init(payload: UnsafeRawBufferPointer) throws(JSONError) {
    var code: RefusalCode?
    var texts: [String: String] = [:]
    var retry = false
    var reader = JSONReader(payload)
    try reader.object { (key, reader) throws(JSONError) in
      switch key {
      case "code": code = RefusalCode(rawValue: try reader.string())
      case "retry": retry = try reader.boolean()
      case "expected", "received", "message":
        texts[key] =
          reader.peek() == UInt8(ascii: "\"")
          ? try reader.string() : String(try reader.unsignedInteger())
      default: try reader.skip()
      }
    }
    guard let code else { throw reader.error("no known \"code\"") }
    self.code = code
    self.retry = retry
    expected = texts["expected"] ?? ""
    received = texts["received"] ?? ""
    message = texts["message"] ?? ""
  }
}
