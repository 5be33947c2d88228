import Monitoring
import ZeroMQ

/// Looks at the counters of a process once a second: publishes them as `tap/daemon/stats/PROCESS/`,
/// and says when a stage's loop stands still.
struct StatsStage: Stage {
  let about: PipelineFacts
  let taps: TapFeed

  init(about: PipelineFacts, taps: TapFeed) {
    self.about = about
    self.taps = taps
  }

  var name: String { "stats" }

  func run(_ control: StageControl) throws {
    let tap = try Tap(control, feed: taps, stage: "daemon", name: name)
    var poller = Poller()
    poller.add(control.stop)
    var sampler = StatsSampler(about: about, metrics: control.metrics)
    var watch = StandstillWatch()
    control.ready()
    while !control.stop.isRaised {
      _ = try poller.wait(timeout: .seconds(1))
      try tap.readSubscriptions()
      let stats = sampler.sample()
      try tap.publish(stats: stats.json, process: about.process)
      control.metrics.health.standstill = watch.look(
        at: control.metrics.current.stages, milliseconds: MonotonicClock.milliseconds)
    }
  }
}
