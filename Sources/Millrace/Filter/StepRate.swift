import Recurrence

/// How fast a model steps on this machine, by a short try: `millrace model inspect`.
package struct StepRate: Sendable, Encodable {
  /// Steps a second of one stream alone, and of `batch` streams stepped together, on one core.
  package let alone: Double
  package let together: Double
  package let batch: Int
  /// The instruction set of the step kernels.
  package let kernels: String

  private static let milliseconds: UInt64 = 40

  /// Steps random inputs; takes about a tenth of a second.
  package init(_ model: Model, batch: Int = 64) throws {
    self.batch = batch
    kernels = model.kernels
    alone = try Self.measure(model, streams: 1)
    together = try Self.measure(model, streams: batch)
  }

  private static func measure(_ model: Model, streams: Int) throws -> Double {
    let inputs = RecordedStep.random(256, for: model)
    let states = (0..<streams).map { _ in model.makeState() }
    var batch = StepBatch(model: model, capacity: streams)
    var steps = 0
    // The first round warms the caches.
    var began = MonotonicClock.nanoseconds
    repeat {
      if steps == streams { began = MonotonicClock.nanoseconds }
      batch.removeAll()
      for (index, state) in states.enumerated() {
        try inputs[(steps + index) % inputs.count].append(to: &batch, state, model)
      }
      model.step(&batch)
      steps += streams
    } while MonotonicClock.nanoseconds - began < milliseconds * 1_000_000 || steps < 3 * streams
    withExtendedLifetime(states) {}
    return Double(steps - streams) * 1e9 / Double(MonotonicClock.nanoseconds - began)
  }

  package var text: String {
    "\(Int(alone)) steps/s for one stream, \(Int(together)) for \(batch) together "
      + "(one core, \(kernels); by a short try)"
  }
}
