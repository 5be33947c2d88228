/// One column of a table of `millrace top`.
struct TopColumn<Row> {
  let title: String
  let width: Int
  let side: DisplayWidth.Side
  let text: (Row) -> String
  /// Whether the first row stands before the second when the table is sorted by this column.
  let precedes: (Row, Row) -> Bool

  init(
    _ title: String, _ width: Int, _ side: DisplayWidth.Side = .right,
    text: @escaping (Row) -> String, precedes: @escaping (Row, Row) -> Bool
  ) {
    self.title = title
    self.width = width
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
      TopColumn("STREAM", 32, .left, text: { $0.name }, precedes: { $0.name < $1.name }),
      .number("STEPS/S", 9, { Quantity.amount($0.rate) }, by: { $0.rate }),
      .number("STEPS", 9, { Quantity.amount($0.steps) }, by: { Double($0.steps) }),
      .number("WAITING", 8, { Quantity.amount($0.waiting) }, by: { Double($0.waiting) }),
      .number("WORKER", 7, { "\($0.worker)" }, by: { Double($0.worker) }),
    ]
  }
}
