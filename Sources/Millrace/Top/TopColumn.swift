/// One column of a table of `millrace top`; they stand in the order of what they matter.
struct TopColumn<Row> {
  let title: String
  let width: Int
  /// What it can do with where the terminal is narrow.
  let leastWidth: Int
  let side: DisplayWidth.Side
  let text: (Row) -> String
  /// Whether the first row stands before the second when the table is sorted by this column.
  let precedes: (Row, Row) -> Bool

  init(
    _ title: String, _ width: Int, orAtLeast leastWidth: Int? = nil,
    _ side: DisplayWidth.Side = .right,
    text: @escaping (Row) -> String, precedes: @escaping (Row, Row) -> Bool
  ) {
    self.title = title
    self.width = width
    self.leastWidth = leastWidth ?? width
    self.side = side
    self.text = text
    self.precedes = precedes
  }

  /// A column of numbers, the highest first.
  static func number(
    _ title: String, _ width: Int, _ text: @escaping (Row) -> String,
    by value: @escaping (Row) -> Double
  ) -> TopColumn {
    TopColumn(title, width, text: text) { value($0) > value($1) }
  }
}

/// The columns of a table that a terminal has room for.
struct TopLayout<Row> {
  /// Each with its place in the whole table, and its width.
  private(set) var shown: [(index: Int, column: TopColumn<Row>, width: Int)]

  /// Leaves out the last columns as a whole where the terminal is narrow, but for the first and the
  /// one that the table is sorted by; the first then gets what is left.
  init(_ columns: [TopColumn<Row>], sortedBy sort: Int, in width: Int) {
    shown = columns.enumerated().map { ($0, $1, $1.leastWidth) }
    var needed: Int { shown.reduce(-1) { $0 + 1 + $1.width } }
    while needed > width, let last = shown.lastIndex(where: { $0.index != sort && $0.index > 0 }) {
      shown.remove(at: last)
    }
    guard let first = shown.first else { return }
    shown[0].width = max(
      first.column.leastWidth, min(first.column.width, first.width + width - needed))
  }

  func line(_ text: (Int, TopColumn<Row>) -> String) -> String {
    shown.map { DisplayWidth.fit(text($0.index, $0.column), $0.width, $0.column.side) }
      .joined(separator: " ")
  }
}

extension [TopColumn<DaemonStats.Stage>] {
  static var stages: Self {
    [
      TopColumn("STAGE", 14, .left, text: { $0.name }, precedes: { $0.name < $1.name }),
      .number("STEPS/S", 9, { Quantity.amount($0.rate) }, by: { $0.rate }),
      .number("P50", 8, { Quantity.duration(microseconds: $0.p50) }, by: { $0.p50 ?? 0 }),
      .number("P99", 8, { Quantity.duration(microseconds: $0.p99) }, by: { $0.p99 ?? 0 }),
      .number("QUEUE", 7, { Quantity.amount($0.queue) }, by: { Double($0.queue) }),
      .number(
        "CREDIT", 7, { $0.name == "sink" ? "-" : Quantity.amount($0.credit) },
        by: { Double($0.credit) }),
      .number(
        "STREAMS", 8, { $0.name == "sink" ? "-" : Quantity.amount($0.streams) },
        by: { Double($0.streams) }),
      .number("STEPS", 9, { Quantity.amount($0.steps) }, by: { Double($0.steps) }),
      .number("MESSAGES", 9, { Quantity.amount($0.messages) }, by: { Double($0.messages) }),
    ]
  }
}

extension [TopColumn<TopStream>] {
  static var streams: Self {
    [
      TopColumn(
        "STREAM", 32, orAtLeast: 16, .left, text: { $0.name }, precedes: { $0.name < $1.name }),
      .number("STEPS/S", 9, { Quantity.amount($0.rate) }, by: { $0.rate }),
      .number("STEPS", 9, { Quantity.amount($0.steps) }, by: { Double($0.steps) }),
      .number("WAITING", 8, { Quantity.amount($0.waiting) }, by: { Double($0.waiting) }),
      .number("WORKER", 7, { "\($0.worker)" }, by: { Double($0.worker) }),
    ]
  }
}
