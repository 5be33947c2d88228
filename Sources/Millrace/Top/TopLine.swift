/// One line of the screen.
struct TopLine: Equatable {
  enum Kind {
    case plain
    case head
    case selected
  }

  let text: String
  var kind: Kind

  init(_ text: String, _ columns: Int, _ kind: Kind = .plain) {
    self.text = DisplayWidth.fit(text, columns)
    self.kind = kind
  }

  /// With the terminal's codes for its kind.
  var coded: String {
    switch kind {
    case .plain: text
    case .head: "\u{1b}[1m\(text)\u{1b}[0m"
    case .selected: "\u{1b}[7m\(text)\u{1b}[0m"
    }
  }
}
