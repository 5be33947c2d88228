import Logging
import Wire

/// One pace for clients that leave, one for peers that never were clients.
struct DeparturePaces {
  var heard = LogPace()
  var unheard = LogPace()
}

/// Peers that went: one line in the log, at most one a second of each kind, and an event.
extension TokenizerLoop {
  func reportDepartures() throws {
    for departure in link.watch?.departures() ?? [] {
      tap?.publish(
        event: "{\"event\":\"disconnected\",\"heard\":\(departure.wasHeard),"
          + "\"reason\":\(JSONText.quoted(departure.reason))}")
      let now = control.clock.milliseconds
      let heldBack =
        departure.wasHeard
        ? departurePaces.heard.admit(milliseconds: now)
        : departurePaces.unheard.admit(milliseconds: now)
      guard let heldBack else { continue }
      var metadata: Logger.Metadata = [
        "endpoint": "\(departure.endpoint)", "reason": "\(departure.reason)",
      ]
      if heldBack > 0 { metadata["others"] = "\(heldBack)" }
      control.logger.log(
        level: departure.wasHeard ? .info : .warning,
        departure.wasHeard ? "client disconnected" : "peer disconnected", metadata: metadata)
    }
  }
}
