import CoreMetrics
import Synchronization

/// The backend of swift-metrics: what is counted off the way of data reports through that package.
///
/// `Counter`, `Meter`, `Timer` and `Recorder` of any library in this process come out at `/metrics`.
/// They use atomic additions, where the stages' own counters need none.
extension MetricsRegistry: MetricsFactory {
  package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    shared("counter", label, dimensions) {
      let counter = SharedCounter()
      add(.read { counter.value }, label, dimensions, .counter, suffix: "_total")
      return counter
    }
  }

  package func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    shared("number", label, dimensions) {
      let counter = SharedNumber()
      add(.read { counter.value }, label, dimensions, .counter, suffix: "_total")
      return counter
    }
  }

  package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    shared("meter", label, dimensions) {
      let meter = SharedNumber()
      add(.read { meter.value }, label, dimensions, .gauge, suffix: "")
      return meter
    }
  }

  package func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    shared(aggregate ? "summary" : "last", label, dimensions) {
      let recorder = SharedRecorder()
      if aggregate {
        add(.summary { recorder.total }, label, dimensions, .summary, suffix: "")
      } else {
        add(.read { recorder.last }, label, dimensions, .gauge, suffix: "")
      }
      return recorder
    }
  }

  package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    shared("timer", label, dimensions) {
      let timer = SharedTimer()
      add(.histogram(timer.histogram), label, dimensions, .histogram, suffix: "_seconds")
      return timer
    }
  }

  // A series that was shown stays: to Prometheus one that vanishes is a restart.
  package func destroyCounter(_ handler: any CounterHandler) {}
  package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  package func destroyMeter(_ handler: any MeterHandler) {}
  package func destroyRecorder(_ handler: any RecorderHandler) {}
  package func destroyTimer(_ handler: any TimerHandler) {}

  /// The handler of a name and its dimensions, made once: callers make theirs anew for each use.
  private func shared<Handler: Sendable>(
    _ kind: String, _ label: String, _ dimensions: [(String, String)], _ make: () -> Handler
  ) -> Handler {
    let key = ([kind, label] + dimensions.flatMap { [$0.0, $0.1] }).joined(separator: "\u{0}")
    if let known = handlers.withLock({ $0[key] }) as? Handler { return known }
    let made = make()
    handlers.withLock { $0[key] = made }
    return made
  }

  private func add(
    _ source: MetricFamily.Source, _ label: String, _ dimensions: [(String, String)],
    _ kind: MetricFamily.Kind, suffix: String
  ) {
    var name = String(label.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    if !name.hasSuffix(suffix) { name += suffix }
    let help = description(of: name) ?? "\(label), reported through swift-metrics."
    add(source, name, kind, help, dimensions.map { MetricLabel($0.0, $0.1) })
  }
}

private final class SharedCounter: CounterHandler {
  private let cell = Atomic<Int64>(0)

  var value: Double { Double(cell.load(ordering: .relaxed)) }

  func increment(by amount: Int64) { cell.wrappingAdd(amount, ordering: .relaxed) }
  func reset() { cell.store(0, ordering: .relaxed) }
}

private final class SharedNumber: FloatingPointCounterHandler, MeterHandler {
  private let number = Mutex(0.0)

  var value: Double { number.withLock { $0 } }

  func increment(by amount: Double) { number.withLock { $0 += amount } }
  func decrement(by amount: Double) { number.withLock { $0 -= amount } }
  func set(_ value: Int64) { number.withLock { $0 = Double(value) } }
  func set(_ value: Double) { number.withLock { $0 = value } }
  func reset() { number.withLock { $0 = 0 } }
}

private final class SharedRecorder: RecorderHandler {
  private let state = Mutex((last: 0.0, sum: 0.0, count: UInt64(0)))

  var last: Double { state.withLock { $0.last } }
  var total: (sum: Double, count: UInt64) { state.withLock { ($0.sum, $0.count) } }

  func record(_ value: Int64) { record(Double(value)) }

  func record(_ value: Double) {
    state.withLock { $0 = (value, $0.sum + value, $0.count + 1) }
  }
}

private final class SharedTimer: TimerHandler {
  let histogram = OwnedHistogram()

  func recordNanoseconds(_ duration: Int64) {
    histogram.observeShared(nanoseconds: UInt64(max(0, duration)))
  }
}
