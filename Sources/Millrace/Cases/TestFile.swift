import Foundation
import Wire

/// The cases beside a pipeline: `NAME.test.yaml`.
package struct TestFile: Sendable {
  package struct Case: Sendable {
    package var name: String
    /// The messages of each stream, in the order in which they are sent.
    package var input: [InputLine]
    package var expected: Expectation
    /// The file of the expected lines; nil where they stand in the case itself.
    package var expectedPath: String?
    package var tolerance: Tolerance
    package var vary: Variation
    /// The alarms of each stream; nil where they are not compared.
    package var alarms: [StreamID: [ExpectedAlarm]]?
    /// How many messages must be refused.
    package var refusals = 0
  }

  /// An alarm that must come.
  package struct ExpectedAlarm: Sendable, Equatable {
    package var number: UInt64
    package var kind: String
  }

  /// What the lines must say, stream by stream.
  package enum Expectation: Sendable {
    /// Keys of each line as YAML texts; keys that are not written are not compared.
    case entries([StreamID: [[String: String]]])
    /// Whole output lines.
    case lines([StreamID: [String]])
  }

  /// |answer - expected| <= absolute + relative * |expected|.
  package struct Tolerance: Sendable, Equatable {
    package var absolute = 0.0
    package var relative = 0.0

    package init(absolute: Double = 0, relative: Double = 0) {
      self.absolute = absolute
      self.relative = relative
    }
  }

  package struct Variation: Sendable, Equatable {
    /// So many other ways to cut the input into messages.
    package var chunking = 0
    /// Copies of the streams that run beside each other way.
    package var interleaveWith = 0
    /// How often the daemon is killed and started anew while the case runs.
    package var crash = 0
    package var seed: UInt64 = 1
  }

  package let path: String
  package let cases: [Case]

  /// Reads the file beside `pipeline`, `NAME.test.yaml`.
  ///
  /// - Throws: a `TextFile.Failure`, a `ConfigurationError`, or a `BadLine` in a file that it names.
  package init(besidePipeline pipeline: String) throws {
    let url = URL(fileURLWithPath: pipeline)
    let name = url.deletingPathExtension().lastPathComponent + ".test.yaml"
    try self.init(readingFrom: url.deletingLastPathComponent().appendingPathComponent(name).path)
  }

  package init(readingFrom path: String) throws {
    self.path = path
    let text = try TextFile(readingFrom: path, expecting: "cases for a pipeline").text
    let top = try YAMLSection.top(of: text, file: path, known: ["tests"])
    guard
      let sections = try top.sections(
        "tests",
        known: [
          "name", "streams", "input", "expect", "expect_file", "close", "vary", "alarms",
          "refusals",
        ]),
      !sections.isEmpty
    else { throw ConfigurationError(file: path, message: "has no \"tests\"") }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    cases = try sections.map { try TestFile.readCase($0, folder: folder) }
  }

  private static func readCase(_ section: YAMLSection, folder: URL) throws -> Case {
    var tolerance = Tolerance()
    if let close = try section.section("close", known: ["atol", "rtol"]) {
      tolerance.absolute = try Double(close.numbers("atol")?.first ?? 0)
      tolerance.relative = try Double(close.numbers("rtol")?.first ?? 0)
    }
    var variation = Variation()
    if let vary = try section.section(
      "vary", known: ["chunking", "interleave_with", "crash", "seed"])
    {
      variation.chunking = try vary.integer("chunking", in: 0...1000) ?? 0
      variation.interleaveWith = try vary.integer("interleave_with", in: 0...1000) ?? 0
      variation.crash = try vary.integer("crash", in: 0...100) ?? 0
      variation.seed = UInt64(try vary.integer("seed", in: 0...Int.max) ?? 1)
    }
    return Case(
      name: try section.requiredText("name"),
      input: try readInput(section, folder: folder),
      expected: try readExpectation(section, folder: folder),
      expectedPath: try section.text("expect_file").map { TestFile.path($0, in: folder) },
      tolerance: tolerance,
      vary: variation, alarms: section.has("alarms") ? try readAlarms(section) : nil,
      refusals: try section.integer("refusals", in: 0...Int(Int32.max)) ?? 0)
  }

  private static func readAlarms(
    _ section: YAMLSection
  ) throws -> [StreamID: [ExpectedAlarm]] {
    var alarms: [StreamID: [ExpectedAlarm]] = [:]
    for (name, sections) in try section.lists("alarms", known: ["raised", "cleared"]) {
      alarms[try stream(name, section)] = try sections.map { section in
        for kind in ["raised", "cleared"] {
          if let number = try section.integer(kind, in: 0...Int.max) {
            return ExpectedAlarm(number: UInt64(number), kind: kind)
          }
        }
        throw section.error("raised", "is missing; expected raised or cleared, with a number")
      }
    }
    return alarms
  }

  // MARK: Input

  private static func readInput(_ section: YAMLSection, folder: URL) throws -> [InputLine] {
    if let file = try section.text("input") {
      guard !section.has("streams") else {
        throw section.error("input", "names a file, and streams are given too; keep one")
      }
      return try InputLine.lines(of: try open(file, in: folder, section, "input"))
    }
    let known = ["text", "tokens", "values", "reset", "end", "start"]
    var lists = try section.lists("streams", known: known).map { name, sections in
      let stream = try self.stream(name, section)
      return try sections[...].map { try message($0, stream) }[...]
    }
    guard !lists.isEmpty else {
      throw section.error("streams", "is missing; expected streams or input")
    }
    // Turn by turn, as live streams come.
    var input: [InputLine] = []
    while lists.contains(where: { !$0.isEmpty }) {
      for index in lists.indices {
        if let line = lists[index].popFirst() { input.append(line) }
      }
    }
    return input
  }

  private static func stream(_ name: String, _ section: YAMLSection) throws -> StreamID {
    guard let stream = StreamID(name) else {
      throw section.error(
        "streams", "names a stream \"\(name)\", expected 1 to 128 of A-Z a-z 0-9 . _ : @ -")
    }
    return stream
  }

  private static func message(_ section: YAMLSection, _ stream: StreamID) throws -> InputLine {
    var line = InputLine(stream: stream)
    line.reset = try section.boolean("reset") ?? false
    line.end = try section.boolean("end") ?? false
    line.start = try section.boolean("start") ?? false
    if let text = try section.text("text") { line.payload = .text(Array(text.utf8)) }
    if let values = try section.numbers("values") {
      line.payload = .values(values, width: values.count)
    }
    if let tokens = try section.numbers("tokens") {
      line.payload = .tokens(
        try tokens.map { token in
          guard let id = Int32(exactly: token) else {
            throw section.error("tokens", "holds \(token), expected a token id")
          }
          return id
        })
    }
    return line
  }

  // MARK: Expectation

  private static func readExpectation(
    _ section: YAMLSection, folder: URL
  ) throws -> Expectation {
    if let file = try section.text("expect_file") {
      return .lines(try AnswerLine.byStream(try open(file, in: folder, section, "expect_file")))
    }
    let known = ["number", "token", "label", "score", "values", "anomaly", "end"]
    var entries: [StreamID: [[String: String]]] = [:]
    for (name, sections) in try section.lists("expect", known: known) {
      entries[try stream(name, section)] = try sections.map { section in
        var entry: [String: String] = [:]
        for key in section.keys {
          entry[key] =
            try section.list(key)?.joined(separator: ",") ?? section.text(key) ?? ""
        }
        return entry
      }
    }
    guard !entries.isEmpty else {
      throw section.error("expect", "is missing; expected expect or expect_file")
    }
    return .entries(entries)
  }

  private static func path(_ file: String, in folder: URL) -> String {
    folder.appendingPathComponent(file).standardizedFileURL.path
  }

  private static func open(
    _ file: String, in folder: URL, _ section: YAMLSection, _ key: String
  ) throws(ConfigurationError) -> TextFile {
    let path = path(file, in: folder)
    do {
      return try TextFile(readingFrom: path, expecting: "JSON lines")
    } catch {
      throw section.error(key, "names \(path), which \(error.reason)")
    }
  }
}
