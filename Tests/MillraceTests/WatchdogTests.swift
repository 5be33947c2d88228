import Monitoring
import Testing

@testable import Millrace

/// Which stages stand still, and what systemd's variables mean.
struct WatchdogTests {
  private func stage(_ name: String) -> StageMetrics {
    StageMetrics(MetricsRegistry(), stage: name, model: "", duration: ("d_seconds", ""))
  }

  @Test func onlyALoopThatIsStuckStandsStill() {
    let stages = [stage("tokenizer"), stage("inference-0"), stage("sink")]
    var watch = StandstillWatch()
    #expect(watch.look(at: stages, milliseconds: 0, patience: 1000) == [])
    stages[0].turns.add(1)
    #expect(watch.look(at: stages, milliseconds: 999, patience: 1000) == [])
    #expect(watch.look(at: stages, milliseconds: 1000, patience: 1000) == ["inference-0"])
    stages[1].turns.add(1)
    #expect(watch.look(at: stages, milliseconds: 1500, patience: 1000) == [])
    #expect(watch.look(at: stages, milliseconds: 1999, patience: 1000) == ["tokenizer"])
  }

  @Test func theWatchdogIsAskedForByVariables() {
    func interval(_ variables: [String: String]) -> Duration? {
      ServiceNotifier(variables: variables, processID: 7).watchdogInterval
    }
    #expect(interval([:]) == nil)
    #expect(interval(["WATCHDOG_USEC": "2000000"]) == .seconds(2))
    #expect(interval(["WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "7"]) == .seconds(2))
    // Meant for another process.
    #expect(interval(["WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "8"]) == nil)
    #expect(interval(["WATCHDOG_USEC": "0"]) == nil)
  }
}
