import Monitoring
import Testing

@testable import Millrace

/// Which stages stand still, and what systemd's variables mean.
struct WatchdogTests {
  private func stage(_ name: String) -> StageMetrics {
    StageMetrics(MetricsRegistry(), stage: name, model: "", duration: ("d_seconds", ""))
  }

  @Test("fault 34: only a loop that is stuck stands still")
  func onlyALoopThatIsStuckStandsStill() {
    let stages = [stage("tokenizer"), stage("inference-0"), stage("sink")]
    var watch = StandstillWatch()
    func look(_ milliseconds: UInt64) -> [String] {
      watch.look(at: stages, milliseconds: milliseconds, patience: 1000)
    }
    #expect(look(0) == [])
    stages[0].turns.add(1)
    #expect(look(500) == [])
    #expect(look(999) == [])
    #expect(look(1000) == ["inference-0"])
    stages[1].turns.add(1)
    #expect(look(1499) == [])
    #expect(look(1500) == ["tokenizer"])
  }

  @Test("fault 34: a look that comes late says nothing of the loops")
  func aLateLookSaysNothingOfTheLoops() {
    let stages = [stage("tokenizer")]
    var watch = StandstillWatch()
    func look(_ milliseconds: UInt64) -> [String] {
      watch.look(at: stages, milliseconds: milliseconds, patience: 1000)
    }
    #expect(look(0) == [])
    // The process as a whole was stopped.
    #expect(look(60_000) == [])
    stages[0].turns.add(1)
    #expect(look(60_500) == [])
    // Looked at in time, and still.
    #expect(look(61_000) == [])
    #expect(look(61_500) == ["tokenizer"])
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
