import Monitoring

/// Notices stages whose loop takes no turn.
///
/// Not the sink, which waits by design while the reader of its output is slow.
struct StandstillWatch {
  private var seen: [String: (turns: UInt64, milliseconds: UInt64)] = [:]

  mutating func look(at stages: [StageMetrics], milliseconds now: UInt64) -> [String] {
    stages.filter { stage in
      guard stage.stage != StageName.sink.rawValue else { return false }
      let turns = stage.turns.value
      guard let last = seen[stage.stage], last.turns == turns else {
        seen[stage.stage] = (turns, now)
        return false
      }
      return now - last.milliseconds >= UInt64(Health.patienceSeconds) * 1000
    }.map(\.stage)
  }
}
