import Foundation

/// The report as a page of its own: no script, nothing fetched.
extension ModelComparison {
  package var page: String {
    var body = """
      <h1>Two models, one recording</h1>
      <table class="facts">
      <tr><th>recording<td>\(escape(recording))
      <tr><th>model<td>\(escape(names[0]))
      <tr><th>against<td>\(escape(names[1]))
      <tr><th>verdict<td class="\(verdict.isGood ? "good" : "bad")">\
      \(verdict.isGood ? "same within \(tolerance.absolute) + \(tolerance.relative) x expected" : "they differ")
      <tr><th>answers<td>\(verdict.lines), \(verdict.differing) differ by more than is allowed, \
      \(verdict.sameLines) are the same bytes
      """
    if verdict.labels > 0 {
      body += "\n<tr><th>same label<td>\(verdict.sameLabels) of \(verdict.labels)"
    }
    body += """

      <tr><th>largest difference<td>\(Float(verdict.largestDifference)) \
      \(escape(verdict.largestPlace ?? "")), relative \(Float(verdict.largestRelativeDifference))
      """
    if let difference = verdict.difference {
      body += "\n<tr><th>first difference<td>\(escape(difference))"
    }
    body += "\n</table>\n"
    body += differencePlot + labelPlot + powerPlot + changeTable + streamTable
    return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      + "<meta name=\"viewport\" content=\"width=device-width\"><title>Two models, one recording</title>\n"
      + "<style>\(ModelComparison.style)</style></head><body>\n\(body)\n</body></html>\n"
  }

  private static let style = """
    :root{color-scheme:light dark;--ink:#1c2430;--paper:#fff;--faint:#8a94a3;--line:#2b6cb0;--bad:#b42318;--good:#1a7f4b}
    @media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--paper:#14181f;--faint:#8a94a3;--line:#6cb2ff;--bad:#ff8a7a;--good:#5fd39a}}
    body{font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:60em;margin:2em auto;padding:0 1em}
    h1{font-size:1.4em}h2{font-size:1.1em;margin:1.6em 0 .3em}
    table{border-collapse:collapse;width:100%}th{text-align:left;font-weight:600;padding:.15em 1em .15em 0;vertical-align:top;white-space:nowrap}
    td{padding:.15em 1em .15em 0;overflow-wrap:anywhere}.n{text-align:right;font-variant-numeric:tabular-nums}
    .good{color:var(--good)}.bad{color:var(--bad)}
    svg{width:100%;height:auto}svg text{fill:var(--faint);font-size:11px}
    .axis{stroke:var(--faint);stroke-width:.5;fill:none}.curve{stroke:var(--line);stroke-width:1.5;fill:none}.bar{fill:var(--line)}
    """

  private func escape(_ text: String) -> String {
    text.reduce(into: "") { escaped, character in
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      default: escaped.append(character)
      }
    }
  }

  // MARK: Plots

  /// The largest difference at each step, on a scale of powers of ten.
  private var differencePlot: String {
    let values = bins.map(\.largestDifference)
    guard let largest = values.max(), largest > 0 else {
      return "<h2>Difference by step</h2><p>None: every number is the same.</p>\n"
    }
    let powers = powers.keys.compactMap { $0 }
    let low = Double(powers.min() ?? 0)
    let high = Double((powers.max() ?? 0) + 1)
    func height(_ value: Double) -> Double {
      guard value > 0 else { return 0 }
      return (log10(value) - low) / (high - low)
    }
    return "<h2>Largest difference by step, over all streams</h2>\n"
      + plot(
        values.map(height), top: "1e\(Int(high))", bottom: "0 or 1e\(Int(low))",
        title: "largest difference by step")
  }

  /// The share of labels that both models give.
  private var labelPlot: String {
    guard verdict.labels > 0, verdict.sameLabels < verdict.labels else { return "" }
    let shares = bins.filter { $0.labels > 0 }.map { Double($0.sameLabels) / Double($0.labels) }
    return "<h2>Share of equal labels by step</h2>\n"
      + plot(shares, top: "all", bottom: "none", title: "share of equal labels by step")
  }

  /// A curve of heights from 0 to 1 over the steps.
  private func plot(_ heights: [Double], top: String, bottom: String, title: String) -> String {
    let points = heights.enumerated().map { index, height in
      let x = 60 + 720 * Double(index) / Double(max(1, heights.count - 1))
      return "\(tenths(x)),\(tenths(150 - 130 * min(1, max(0, height))))"
    }
    let last = bins.last.map { "\($0.number)" } ?? ""
    return """
      <svg viewBox="0 0 800 180" role="img" aria-label="\(title)"><title>\(title)</title>
      <path class="axis" d="M60 20V150H780"/><text x="4" y="24">\(top)</text><text x="4" y="150">\(bottom)</text>
      <text x="60" y="168">step 0</text><text x="780" y="168" text-anchor="end">\(last)</text>
      <polyline class="curve" points="\(points.joined(separator: " "))"/></svg>

      """
  }

  /// How many answers differ by how much.
  private var powerPlot: String {
    let known = powers.keys.compactMap { $0 }.sorted()
    guard let low = known.first, let high = known.last else { return "" }
    var bars: [(name: String, count: Int)] = [("0", powers[nil] ?? 0)]
    for power in low...high { bars.append(("1e\(power)", powers[power] ?? 0)) }
    let most = Double(bars.map(\.count).max() ?? 1)
    let width = 720 / Double(bars.count)
    let shapes = bars.enumerated().map { index, bar in
      let x = 60 + Double(index) * width
      let height = 120 * Double(bar.count) / max(1, most)
      return "<rect class=\"bar\" x=\"\(tenths(x + width * 0.1))\" y=\"\(tenths(150 - height))\" "
        + "width=\"\(tenths(width * 0.8))\" height=\"\(tenths(height))\"/>"
        + "<text x=\"\(tenths(x + width / 2))\" y=\"168\" text-anchor=\"middle\">\(bar.name)</text>"
        + (bar.count > 0
          ? "<text x=\"\(tenths(x + width / 2))\" y=\"\(tenths(145 - height))\" "
            + "text-anchor=\"middle\">\(bar.count)</text>" : "")
    }
    return
      "<h2>Answers by their largest difference</h2>\n<svg viewBox=\"0 0 800 180\" role=\"img\" "
      + "aria-label=\"answers by their largest difference\"><path class=\"axis\" d=\"M60 150H780\"/>"
      + shapes.joined() + "</svg>\n"
  }

  private func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

  // MARK: Tables

  private var changeTable: String {
    guard !changes.isEmpty else { return "" }
    return "<h2>Labels that changed</h2>\n<table><tr><th>from<th>to<th class=\"n\">times\n"
      + changes.map {
        "<tr><td>\(escape($0.change.from))<td>\(escape($0.change.to))<td class=\"n\">\($0.count)\n"
      }.joined() + "</table>\n"
  }

  private var streamTable: String {
    let head =
      "<tr><th>stream<th class=\"n\">answers<th class=\"n\">same label"
      + "<th class=\"n\">largest difference<th class=\"n\">first difference at\n"
    let body = worst.map { row in
      "<tr><td>\(escape(row.stream.name))<td class=\"n\">\(row.answers)"
        + "<td class=\"n\">\(row.labels > 0 ? "\(row.sameLabels) of \(row.labels)" : "")"
        + "<td class=\"n\">\(Float(row.largestDifference))"
        + "<td class=\"n\">\(row.firstDifference.map { "number \($0)" } ?? "nowhere")\n"
    }
    let title =
      rows.count > worst.count
      ? "The \(worst.count) of \(rows.count) streams that differ most" : "Streams"
    return "<h2>\(title)</h2>\n<table>\(head)\(body.joined())</table>\n"
  }
}
