import Foundation

/// What `millrace top` shows: a pure function of what the taps said and which keys were pressed.
struct TopView {
  private(set) var stats: [String: DaemonStats] = [:]
  private(set) var streams: [TopStream] = []
  private var openStreams = 0
  private var listedSeconds: Double?
  /// The last answers of the stream that is looked into, newest last.
  private(set) var answers: [TopAnswer] = []
  /// The stream that is looked into; nil for the list.
  private(set) var opened: String?
  private(set) var isFrozen = false
  private(set) var isDone = false
  private(set) var filter = ""
  private var isFiltering = false
  private var stageSort = 0
  private var streamSort = 1
  private var isReversed = false
  private var selected = 0
  /// Messages that were published and did not come here.
  var lost: UInt64 = 0
  /// How long ago the daemon was last heard; it speaks once a second.
  var silentSeconds = 0.0
  /// What is to be said when nothing has come.
  var notice = "waiting for the daemon"

  private static let answersMax = 200
  /// A daemon that has said nothing for so long may have gone.
  private static let silenceSeconds = 4.0

  /// Topics to subscribe to.
  var prefixes: Set<String> {
    var prefixes: Set<String> = ["tap/daemon/stats/", "tap/tokenizer/streams/"]
    if let opened { prefixes.insert("tap/sink/result/\(opened)/") }
    return prefixes
  }

  // MARK: What came

  /// Takes a message of a tap; true when something has changed on the screen.
  ///
  /// - Throws: a `DecodingError` for a daemon of another version.
  mutating func take(topic: String, json: Data, seconds: Double) throws -> Bool {
    guard !isFrozen else { return false }
    if topic.hasPrefix("tap/daemon/stats/") {
      let new = try DaemonStats(json: json)
      stats[new.about.process] = new
    } else if topic.hasPrefix("tap/tokenizer/streams/") {
      (openStreams, streams) = try TopStream.list(
        json, before: streams, seconds: seconds - (listedSeconds ?? seconds))
      listedSeconds = seconds
    } else if let opened, topic == "tap/sink/result/\(opened)/" {
      answers.append(try JSONDecoder().decode(TopAnswer.self, from: json))
      if answers.count > TopView.answersMax { answers.removeFirst() }
    } else {
      return false
    }
    return true
  }

  // MARK: Keys

  mutating func press(_ key: TopKey) {
    if isFiltering { return edit(key) }
    switch key {
    case .character("q"): isDone = true
    case .character("f"), .character(" "): isFrozen.toggle()
    case .character("/"): (isFiltering, opened) = (true, nil)
    case .character("s"):
      streamSort = (streamSort + 1) % [TopColumn<TopStream>].streams.count
    case .character("S"):
      stageSort = (stageSort + 1) % [TopColumn<DaemonStats.Stage>].stages.count
    case .character("r"): isReversed.toggle()
    case .up, .character("k"): selected = max(0, selected - 1)
    case .down, .character("j"): selected = min(max(0, shownStreams.count - 1), selected + 1)
    case .enter:
      let shown = shownStreams
      guard opened == nil, selected < shown.count else { return }
      opened = shown[selected].name
      answers = []
    case .escape, .backspace:
      if opened != nil { opened = nil } else { filter = "" }
    case .character: break
    }
  }

  private mutating func edit(_ key: TopKey) {
    switch key {
    case .character(let letter): filter.append(letter)
    case .backspace: if !filter.isEmpty { filter.removeLast() }
    case .enter: isFiltering = false
    case .escape: (isFiltering, filter) = (false, "")
    case .up, .down: isFiltering = false
    }
    selected = 0
  }

  mutating func sortStages(by title: String) -> Bool {
    guard
      let index = [TopColumn<DaemonStats.Stage>].stages
        .firstIndex(where: { $0.title == title.uppercased() })
    else { return false }
    stageSort = index
    return true
  }

  // MARK: Drawing

  private var shownStreams: [TopStream] {
    let order = [TopColumn<TopStream>].streams[streamSort].precedes
    let shown = streams.filter { filter.isEmpty || $0.name.contains(filter) }
      .sorted { order($0, $1) || (!order($1, $0) && $0.name < $1.name) }
    return isReversed ? shown.reversed() : shown
  }

  private var shownStages: [DaemonStats.Stage] {
    let stages = ["daemon", "tokenizer", "inference", "sink"].compactMap { stats[$0] }
      .flatMap(\.stages)
    // The order of the data, unless another is asked for.
    guard stageSort > 0 else { return stages }
    return stages.stablySorted([TopColumn<DaemonStats.Stage>].stages[stageSort].precedes)
  }

  /// The screen's lines, of at most `columns`; the first of a table's lines is marked as its head.
  func lines(columns: Int, rows: Int) -> [TopLine] {
    guard let about = stats.values.first?.about else { return [TopLine(notice, columns)] }
    var lines = [
      TopLine(DisplayWidth.joined(heading(about), columns), columns),
      TopLine(DisplayWidth.joined(figures, columns), columns),
    ]
    lines.append(TopLine("", columns))
    lines += table(shownStages, .stages, sortedBy: stageSort, columns)
    lines.append(TopLine("", columns))
    let room = max(0, rows - lines.count - 2)
    if let opened {
      lines.append(TopLine("last answers of \(opened)", columns, .head))
      lines += answers.suffix(room).reversed().map { TopLine($0.text(columns: columns), columns) }
    } else {
      let shown = shownStreams
      let first = max(0, min(selected - room + 1, shown.count - room))
      var part = table(
        Array(shown.dropFirst(first).prefix(room)), .streams, sortedBy: streamSort, columns)
      if part.count > 1 + selected - first { part[1 + selected - first].kind = .selected }
      lines += part
    }
    while lines.count < rows - 1 { lines.append(TopLine("", columns)) }
    lines.append(TopLine(DisplayWidth.joined(keys, columns), columns, .head))
    return Array(lines.prefix(rows))
  }

  /// The model's hash comes last, as a narrow terminal can do without, with 16 digits as in /metrics.
  private func heading(_ about: PipelineFacts) -> [String] {
    [
      "millrace top", about.pipeline, "\(about.kernels) \(about.precision)", about.edges,
      String(about.model.prefix("sha256:".count + 16)),
    ]
  }

  private var figures: [String] {
    let all = stats.values
    let ingress = all.compactMap(\.ingress).first
    var parts = ["up \(Quantity.duration(microseconds: (all.map(\.uptime).max() ?? 0) * 1e6))"]
    // What matters most first: a narrow terminal cuts the rest.
    if let ingress {
      parts += [
        "streams \(ingress.streams)", "clients \(ingress.connections)",
        "refused \(Quantity.amount(ingress.refused))",
      ]
    }
    parts += ["lost here \(lost)", "memory \(Quantity.bytes(all.map(\.memory).reduce(0, +)))"]
    if let ingress {
      parts += [
        "answers \(Quantity.amount(ingress.answers))",
        "repeated \(Quantity.amount(ingress.repeated))",
      ]
    }
    if isFrozen { parts.insert("FROZEN", at: 0) }
    if silentSeconds >= TopView.silenceSeconds {
      parts.insert("NOT HEARD FOR \(Int(silentSeconds)) s", at: 0)
    }
    return parts
  }

  private var keys: [String] {
    if isFiltering { return ["filter: \(filter)_ ", "Enter keeps it, Esc drops it"] }
    let shown = filter.isEmpty ? "" : " (\(filter))"
    return [
      "q quit", opened == nil ? "Enter look into" : "Esc back", "f freeze", "/ filter\(shown)",
      "s sort streams", "S sort stages", "r reverse",
    ]
  }

  private func table<Row>(
    _ rows: [Row], _ columns: [TopColumn<Row>], sortedBy sort: Int, _ width: Int
  ) -> [TopLine] {
    let layout = TopLayout(columns, sortedBy: sort, in: width)
    let head = layout.line { index, column in column.title + (index == sort ? "*" : "") }
    return [TopLine(head, width, .head)]
      + rows.map { row in TopLine(layout.line { $1.text(row) }, width) }
  }

  /// One line a stage, for a pipe: time, pipeline and the columns of the table.
  func plainLines(time: String) -> [String] {
    shownStages.map { stage in
      ([time] + [TopColumn<DaemonStats.Stage>].stages.map { $0.text(stage) })
        .joined(separator: "\t")
    }
  }

  /// The names of those columns.
  static var plainHead: String {
    (["TIME"] + [TopColumn<DaemonStats.Stage>].stages.map(\.title)).joined(separator: "\t")
  }
}

extension Sequence {
  /// Sorted so that equal elements keep their order.
  fileprivate func stablySorted(_ precedes: (Element, Element) -> Bool) -> [Element] {
    enumerated().sorted {
      precedes($0.element, $1.element)
        || (!precedes($1.element, $0.element) && $0.offset < $1.offset)
    }.map(\.element)
  }
}
