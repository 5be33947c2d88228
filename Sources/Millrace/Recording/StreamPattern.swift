import Wire

/// Streams as the command line names them: `cam-1`, or `cam-*` for all whose names begin so.
package struct StreamPattern: Sendable, Equatable {
  /// What follows `tap/STAGE/WHAT/` in a subscription.
  let topic: String

  /// The stream, where it names a single one.
  var stream: StreamID? { topic.hasSuffix("/") ? StreamID(String(topic.dropLast())) : nil }

  package var namesOne: Bool { stream != nil }

  /// All streams.
  package static let all = StreamPattern(topic: "")

  private init(topic: String) { self.topic = topic }

  /// Nil for what no stream can be named.
  package init?(_ text: String) {
    if text == "*" {
      self = .all
    } else if text.hasSuffix("*"), StreamID(String(text.dropLast())) != nil {
      topic = String(text.dropLast())
    } else if StreamID(text) != nil {
      // The slash keeps cam-1 from matching cam-10.
      topic = text + "/"
    } else {
      return nil
    }
  }

  /// Why a text is no pattern, for people; nil where it is one.
  package static func problem(with text: String) -> String? {
    guard StreamPattern(text) == nil else { return nil }
    let name = text.hasSuffix("*") ? String(text.dropLast()) : text
    guard name.contains("*") else { return StreamID.problem(with: name) }
    return "expected a stream's name, or how names begin with one * behind it; there is no * inside"
  }
}
