import Wire

/// The alarms of all streams, fed with every answer in order.
///
/// The sink has one, and each filter another: alarms are a pure function of a stream's answers, so
/// they say the same.
struct AlarmWatch {
  private let setting: AlarmSetting
  private var states: [StreamID: AlarmState] = [:]

  init(_ setting: AlarmSetting) { self.setting = setting }

  /// Takes one row of an answer, its output vector.
  mutating func take(
    _ row: UnsafeBufferPointer<Float>, number: UInt64, of stream: StreamID
  ) -> [AlarmEvent] {
    var state = states[stream] ?? AlarmState()
    var events: [AlarmEvent] = []
    // A number that does not grow is a new life: the producer began anew without an END.
    if let last = state.lastNumber, number <= last {
      events += [state.end()].compactMap(\.self)
      state = AlarmState()
    }
    let score = setting.column < row.count ? row[setting.column] : .nan
    events += [state.take(score, number: number, rule: setting.rule)].compactMap(\.self)
    states[stream] = state
    return events
  }

  /// Forgets a stream that has ended.
  mutating func end(_ stream: StreamID) -> AlarmEvent? {
    var state = states.removeValue(forKey: stream)
    return state?.end()
  }

  /// What is remembered of a stream, in its portable form; empty for nothing.
  func encoded(_ stream: StreamID) -> [UInt8] { states[stream]?.encoded ?? [] }

  /// Takes a stream up where `encoded` left it.
  mutating func restore(_ bytes: [UInt8], of stream: StreamID) {
    states[stream] = AlarmState(decoding: bytes)
  }

  /// Takes a stream up where it stands elsewhere, or stood before.
  ///
  /// - Returns: that an alarm is cleared which is not raised there.
  mutating func replace(_ bytes: [UInt8], of stream: StreamID) -> AlarmEvent? {
    var before = states[stream]
    states[stream] = AlarmState(decoding: bytes)
    return states[stream]?.isRaised == true ? nil : before?.end()
  }

  /// A stream has gone elsewhere, and its alarm with it.
  mutating func forget(_ stream: StreamID) { states[stream] = nil }

  /// Appends the lines of an answer's events.
  func append(_ events: [AlarmEvent], of stream: StreamID, to lines: inout [UInt8]) {
    for event in events {
      event.appendLine(stream: stream, subject: setting.subject, to: &lines)
    }
  }
}

/// An alarm rule with what it looks at found in the model's output.
package struct AlarmSetting: Sendable {
  package let rule: AlarmRule
  /// Which element of an answer's row.
  package let column: Int
  /// What the lines say of it.
  package let subject: String
}
