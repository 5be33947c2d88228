import Monitoring

/// Notices stages whose loop takes no turn.
///
/// Not the sink, which waits by design while the reader of its output is slow.
struct StandstillWatch {
  private var seen: [String: (turns: UInt64, milliseconds: UInt64)] = [:]

  /// The stages that have taken no turn for `patience` milliseconds.
  mutating func look(
    at stages: [StageMetrics], milliseconds now: UInt64,
    patience: UInt64 = UInt64(Health.patienceSeconds) * 1000
  ) -> [String] {
    stages.filter { stage in
      guard stage.stage != StageName.sink.rawValue else { return false }
      let turns = stage.turns.value
      guard let last = seen[stage.stage], last.turns == turns else {
        seen[stage.stage] = (turns, now)
        return false
      }
      return now - last.milliseconds >= patience
    }.map(\.stage)
  }
}
