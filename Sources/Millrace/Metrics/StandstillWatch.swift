import Monitoring

/// Notices stages whose loop takes no turn.
///
/// Not the sink, which waits by design while the reader of its output is slow. Time counts as far as
/// somebody looks: where the looks themselves come late, the process as a whole was held up (stopped,
/// or without a processor), and no loop of it is stuck.
struct StandstillWatch {
  private var seen: [String: (turns: UInt64, watched: UInt64)] = [:]
  /// Milliseconds that have been watched.
  private var watched: UInt64 = 0
  private var lastLook: UInt64?

  /// The stages that have taken no turn for `patience` milliseconds.
  mutating func look(
    at stages: [StageMetrics], milliseconds now: UInt64,
    patience: UInt64 = UInt64(Health.patienceSeconds) * 1000
  ) -> [String] {
    let gap = now - (lastLook ?? now)
    // A look that comes late by so much says nothing; the next one does.
    if gap < patience * 3 / 4 { watched += gap }
    lastLook = now
    return stages.filter { stage in
      guard stage.stage != StageName.sink.rawValue else { return false }
      let turns = stage.turns.value
      guard let last = seen[stage.stage], last.turns == turns else {
        seen[stage.stage] = (turns, watched)
        return false
      }
      return watched - last.watched >= patience
    }.map(\.stage)
  }
}
