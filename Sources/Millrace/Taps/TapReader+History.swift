import Wire
import ZeroMQ

/// The daemon does not serve kept lines to one more reader.
struct HistoryRefused: Error, CustomStringConvertible {
  let endpoint: String
  let refusal: Refusal

  var description: String { "\(endpoint): \(refusal.message)" }
}

/// `millrace tap --from-number`: kept lines of one stream.
extension TapReader {
  /// A message of the page that is subscribed to.
  ///
  /// - Returns: the line that it brings, as it is to be shown; nil for none.
  /// - Throws: `HistoryRefused` where the daemon has too many readers.
  func follow(_ message: TapMessage, _ say: (String) -> Void) throws -> TapMessage? {
    guard var follower, message.topic == follower.topic.text else { return nil }
    missesHistoryAt = nil
    var shown: TapMessage?
    switch try follower.take(message) {
    case .line:
      shown = message.shown(as: follower.topic.plain, sequence: received)
      received += 1
    case .gone(let from, let to):
      say("\(follower.topic.plain): numbers \(from) to \(to - 1) are not kept any more")
    case .none: say("\(follower.topic.plain): no lines are kept yet; waiting for the first")
    case .refused(let refusal):
      throw HistoryRefused(endpoint: endpoint, refusal: refusal)
    case .repeated, .nothing: break
    }
    if follower.needsPage {
      try socket.unsubscribe(message.topic)
      follower.turnPage()
      try socket.subscribe(follower.topic.text)
    }
    self.follower = follower
    return shown
  }

  /// Says that the daemon does not answer for kept lines.
  func missHistory(_ say: (String) -> Void) {
    guard let due = missesHistoryAt, MonotonicClock.milliseconds >= due else { return }
    missesHistoryAt = nil
    say(
      "\(endpoint) does not answer for kept lines; was the daemon started with state.history?")
  }
}
