import Foundation
import Monitoring

/// Makes `DaemonStats` of the counters, each time for what has happened since the last.
struct StatsSampler {
  private let about: PipelineFacts
  private let metrics: MetricsCollection
  private let startNanoseconds = MonotonicClock.nanoseconds
  private var lastNanoseconds = MonotonicClock.nanoseconds
  private var last: [String: (steps: UInt64, durations: HistogramSnapshot)] = [:]

  init(about: PipelineFacts, metrics: MetricsCollection) {
    self.about = about
    self.metrics = metrics
  }

  mutating func sample() -> DaemonStats {
    let now = MonotonicClock.nanoseconds
    let seconds = Double(now - lastNanoseconds) / 1e9
    lastNanoseconds = now
    let (stages, ingress) = metrics.current
    let process = ProcessFigures()
    return DaemonStats(
      about: metrics.current(about), time: Date.now.timeIntervalSince1970,
      uptime: Double(now - startNanoseconds) / 1e9, memory: process.residentBytes,
      processor: process.processorSeconds, ingress: ingress.map(DaemonStats.Ingress.init),
      stages: stages.map { sample($0, seconds: seconds) })
  }

  private mutating func sample(_ stage: StageMetrics, seconds: Double) -> DaemonStats.Stage {
    let steps = stage.steps.value
    let durations = stage.duration.snapshot
    let before = last[stage.stage] ?? (0, HistogramSnapshot())
    last[stage.stage] = (steps, durations)
    let recent = durations - before.durations
    var total: UInt64 = 0
    let doublings = durations.doublings.map { _, below in
      defer { total = below }
      return below - total
    }
    return DaemonStats.Stage(
      name: stage.stage, messages: stage.messages.value, stepsIn: stage.stepsIn.value,
      steps: steps, queue: stage.waiting, credit: stage.credit.value,
      streams: stage.streams.value,
      rate: seconds > 0 ? Double(steps &- before.steps) / seconds : 0,
      p50: recent.quantile(0.5).map { $0 / 1000 }, p99: recent.quantile(0.99).map { $0 / 1000 },
      durations: doublings)
  }
}
