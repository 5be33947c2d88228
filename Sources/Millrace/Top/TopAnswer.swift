/// One output line, as `top` shows it.
struct TopAnswer: Decodable {
  let number: UInt64
  let token: String?
  let label: String?
  let score: Float?
  /// A value that is not finite is null.
  let values: [Float?]?

  func text(columns: Int) -> String {
    let isNarrow = columns < 70
    var parts = [DisplayWidth.fit("\(number)", isNarrow ? 8 : 10, .right)]
    if let token { parts.append(DisplayWidth.fit(token, isNarrow ? 8 : 16)) }
    if let label { parts.append(DisplayWidth.fit(label, isNarrow ? 14 : 24)) }
    if let score { parts.append(DisplayWidth.fit("\(score)", isNarrow ? 13 : 14, .right)) }
    var line = DisplayWidth.joined(parts, columns)
    if label == nil, let values {
      // A number that is cut would be another one.
      for (index, value) in values.prefix(8).enumerated() {
        let longer = line + (index == 0 ? "  " : " ") + (value.map { "\($0)" } ?? "null")
        guard index == 0 || DisplayWidth.of(longer) <= columns else { break }
        line = longer
      }
    }
    return line
  }
}
