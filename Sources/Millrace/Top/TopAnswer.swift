/// One output line, as `top` shows it.
struct TopAnswer: Decodable {
  let number: UInt64
  let token: String?
  let label: String?
  let score: Float?
  /// A value that is not finite is null.
  let values: [Float?]?

  func text(columns: Int) -> String {
    var parts = [DisplayWidth.fit("\(number)", 10, .right)]
    if let token { parts.append(DisplayWidth.fit(token, 16)) }
    if let label { parts.append(DisplayWidth.fit(label, 24)) }
    if let score { parts.append(DisplayWidth.fit("\(score)", 14, .right)) }
    if label == nil, let values {
      parts.append(values.prefix(8).map { $0.map { "\($0)" } ?? "null" }.joined(separator: " "))
    }
    return parts.joined(separator: "  ")
  }
}
