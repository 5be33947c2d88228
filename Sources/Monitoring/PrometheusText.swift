/// Writes Prometheus' text format, version 0.0.4.
struct PrometheusText {
  private(set) var text = ""

  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  mutating func append(_ name: String, _ family: MetricFamily) {
    text += "# HELP \(name) \(Self.escaped(family.help, quotes: false))\n"
    text += "# TYPE \(name) \(family.kind.rawValue)\n"
    for series in family.series { append(name, series, family.kind) }
  }

  private mutating func append(
    _ name: String, _ series: MetricFamily.Series, _ kind: MetricFamily.Kind
  ) {
    switch kind {
    case .counter, .gauge: line(name, series.labels, Self.sum(series.sources))
    case .histogram:
      let snapshot = series.sources.reduce(HistogramSnapshot()) { sum, source in
        if case .histogram(let histogram) = source { sum + histogram.snapshot } else { sum }
      }
      for (seconds, count) in snapshot.doublings {
        line(name + "_bucket", series.labels + [MetricLabel("le", "\(seconds)")], Double(count))
      }
      let count = Double(snapshot.count)
      line(name + "_bucket", series.labels + [MetricLabel("le", "+Inf")], count)
      line(name + "_sum", series.labels, Double(snapshot.nanoseconds) / 1e9)
      line(name + "_count", series.labels, count)
    case .summary:
      for case .summary(let read) in series.sources {
        let (sum, count) = read()
        line(name + "_sum", series.labels, sum)
        line(name + "_count", series.labels, Double(count))
      }
    }
  }

  private static func sum(_ sources: [MetricFamily.Source]) -> Double {
    sources.reduce(0) { sum, source in
      switch source {
      case .counter(let counter): sum + Double(counter.value)
      case .gauge(let gauge): sum + Double(gauge.value)
      case .read(let read): sum + read()
      case .histogram, .summary: sum
      }
    }
  }

  private mutating func line(_ name: String, _ labels: [MetricLabel], _ value: Double) {
    text += name
    if !labels.isEmpty {
      let pairs = labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }
      text += "{\(pairs.joined(separator: ","))}"
    }
    // Counts are whole numbers, and read better as such.
    let whole = value.rounded() == value && value.magnitude < 1e15
    text += whole ? " \(Int64(value))\n" : " \(value)\n"
  }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    var result = text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    if quotes { result = result.replacing("\"", with: "\\\"") }
    return result
  }
}
