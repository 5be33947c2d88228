/// Text of others inside a one-line message.
package enum PrintableText {
  /// More scalars than these are cut off.
  private static let scalarsMax = 80

  /// Escapes what would break the line or steer a terminal; a long text is cut.
  package static func escaped(_ text: String) -> String {
    var shown = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
      if index == scalarsMax { return shown + "..." }
      switch scalar {
      case "\n": shown += "\\n"
      case "\r": shown += "\\r"
      case "\t": shown += "\\t"
      case "\"": shown += "\\\""
      case "\\": shown += "\\\\"
      default:
        if isUnsafe(scalar) {
          shown += "\\u{\(String(scalar.value, radix: 16))}"
        } else {
          shown.unicodeScalars.append(scalar)
        }
      }
    }
    return shown
  }

  /// A message with such text in it, on one line.
  package static func line(_ message: String) -> String {
    guard message.unicodeScalars.contains(where: isUnsafe) else { return message }
    return message.unicodeScalars.reduce(into: "") { shown, scalar in
      if scalar == "\n" {
        shown += "\\n"
      } else if isUnsafe(scalar) {
        shown += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        shown.unicodeScalars.append(scalar)
      }
    }
  }

  /// Controls, line and paragraph separators, and what turns the direction of writing.
  private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    default: scalar.properties.isBidiControl
    }
  }
}
