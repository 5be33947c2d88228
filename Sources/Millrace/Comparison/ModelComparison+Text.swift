extension ModelComparison {
  /// The report for a terminal.
  package var text: String {
    var lines = [
      "recording           \(recording)", "model               \(names[0])",
      "against             \(names[1])",
    ]
    lines += verdict.figures
    if let difference = verdict.difference { lines.append("first difference    \(difference)") }
    if !changes.isEmpty {
      let list = changes.prefix(5).map {
        "\($0.change.from) to \($0.change.to) \($0.count) \($0.count == 1 ? "time" : "times")"
      }
      lines.append("changed labels      \(list.joined(separator: ", "))")
    }
    if verdict.largestDifference > 0 {
      lines.append("by step             \(sparkline)")
      lines.append(
        "                    the largest difference from the first step to the last; "
          + "a mark is half a power of ten")
    }
    return lines.joined(separator: "\n")
  }

  /// The largest difference over the steps, 48 marks on a scale of powers of ten.
  private var sparkline: String {
    let marks = Array(" ▁▂▃▄▅▆▇█")
    let count = min(48, bins.count)
    let highest = verdict.largestDifference
    return String(
      (0..<count).map { index in
        let range = index * bins.count / count..<max((index + 1) * bins.count / count, 1)
        let value = bins[range].map(\.largestDifference).max() ?? 0
        guard value > 0 else { return marks[0] }
        // Eight marks, half a power of ten each.
        var level = marks.count - 1
        var bound = highest
        while value < bound / 3.1622776601683795, level > 1 {
          bound /= 3.1622776601683795
          level -= 1
        }
        return marks[level]
      })
  }
}

extension Verdict {
  /// What was compared and how far it is apart, a figure a line.
  package var figures: [String] {
    var figures = ["answers compared    \(lines)"]
    if labels > 0 { figures.append("same label          \(sameLabels) of \(labels)") }
    figures.append("same bytes          \(sameLines) of \(lines)")
    figures.append(
      "largest difference  \(Float(largestDifference))\(largestPlace.map { " (\($0))" } ?? "")")
    figures.append("largest relative    \(Float(largestRelativeDifference))")
    return figures
  }
}
