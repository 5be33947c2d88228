/// `sink: { alarm: ... }`: when a stream's answers raise an alarm, and when they clear it.
///
/// Two levels and two counts, so that an answer that wavers about one level neither raises nor
/// clears it again and again.
package struct AlarmRule: Sendable, Equatable {
  /// Which number of an answer is looked at.
  package enum Subject: Sendable, Equatable {
    /// The score of one label.
    case label(String)
    /// An element of the output vector.
    case value(Int)
    /// The anomaly score.
    case anomaly
  }

  package var subject: Subject
  /// An answer at this level or above counts towards raising.
  package var on: Float
  /// So many of them in a row raise it.
  package var onAnswers = 1
  /// An answer below this level counts towards clearing; at most `on`.
  package var off: Float
  /// So many of them in a row clear it.
  package var offAnswers = 1

  package init(
    subject: Subject, on: Float, onAnswers: Int = 1, off: Float, offAnswers: Int = 1
  ) {
    self.subject = subject
    self.on = on
    self.onAnswers = onAnswers
    self.off = off
    self.offAnswers = offAnswers
  }
}

extension AlarmRule {
  static let keys = ["label", "value", "anomaly", "on", "on-answers", "off", "off-answers"]

  init(_ section: YAMLSection) throws(ConfigurationError) {
    let named = ["label", "value", "anomaly"].filter(section.has)
    guard named.count == 1 else {
      throw section.error(
        named.last ?? "label",
        named.isEmpty
          ? "is missing: an alarm looks at a label, a value (its index) or anomaly: true"
          : "is given beside \(named[0]); an alarm looks at one of them")
    }
    if let label = try section.text("label") {
      subject = .label(label)
    } else if let index = try section.integer("value", in: 0...1_000_000) {
      subject = .value(index)
    } else {
      guard try section.boolean("anomaly") == true else {
        throw section.error("anomaly", "is false, expected true; or name a label or a value")
      }
      subject = .anomaly
    }
    var range = -Double(Float.greatestFiniteMagnitude)...Double(Float.greatestFiniteMagnitude)
    if named != ["value"] { range = 0...1 }
    guard let on = try section.number("on", in: range) else {
      throw section.error("on", "is missing: the level that raises the alarm")
    }
    let off = try section.number("off", in: range) ?? on
    guard off <= on else {
      throw section.error("off", "is \(off), expected at most \"on\", \(on)")
    }
    self.on = Float(on)
    self.off = Float(off)
    onAnswers = try section.integer("on-answers", in: 1...1_000_000) ?? 1
    offAnswers = try section.integer("off-answers", in: 1...1_000_000) ?? 1
  }
}
