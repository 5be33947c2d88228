import Foundation
import Recurrence
import Testing
import Wire

@testable import Millrace

/// Both forms of a recording give back what was put in, and refuse in words what is damaged.
struct RecordingFormTests {
  private static let lines: [InputLine] = {
    let a = StreamID(literal: "a"), b = StreamID(literal: "cam:1@x")
    func line(
      _ stream: StreamID, _ number: UInt64?, _ payload: InputLine.Payload,
      _ change: (inout InputLine) -> Void = { _ in }
    ) -> InputLine {
      var line = InputLine(stream: stream, payload: payload)
      line.number = number
      line.microseconds = 1_234_567
      change(&line)
      return line
    }
    return [
      line(a, 0, .text(Array("he \"\\\u{1}\n한".utf8))) { $0.start = true },
      // Half a character, and bytes that are none.
      line(a, 9, .text([0xED, 0x95])), line(a, 11, .text([0xFF, 0x00, 0x7F])),
      line(b, 7, .tokens([0, 1, 2_147_483_647])) { $0.start = true },
      line(b, 10, .none) { $0.reset = true },
      line(b, 10, .values([1.5, -0.0, 1e-38, .infinity, -.infinity, 3.4028235e38], width: 3)),
      line(b, 12, .values([0.1], width: 1)) { $0.end = true },
      line(b, 0, .none) { $0.start = true },
      line(a, nil, .none) { $0.isOpenMark = true },
    ]
  }()

  private func inForm(_ suffix: String, _ body: (String) throws -> Void) throws {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("millrace-\(UUID().uuidString)\(suffix)").path
    defer { unlink(path) }
    try body(path)
  }

  private func write(_ lines: [InputLine], to path: String) throws {
    let target = try RecordingTarget(
      path, format: AnswerFormat(labels: [], top: 3, showsValues: true, tokenText: nil),
      writesTimes: true, replaces: false)
    for line in lines { try target.append(.input(line)) }
    try target.flush()
  }

  @Test(arguments: [".jsonl", ".mrrec"]) func inputComesBackAsItWas(suffix: String) throws {
    try inForm(suffix) { path in
      try write(Self.lines, to: path)
      var expected = Self.lines
      // At number 0 a life begins by itself, and an open mark has no number.
      if suffix == ".jsonl" { expected[0].start = false }
      #expect(try RecordingFile.inputs(of: path) == expected)
    }
  }

  @Test func aMissingValueStaysMissing() throws {
    for suffix in [".jsonl", ".mrrec"] {
      try inForm(suffix) { path in
        try write(
          [InputLine(stream: StreamID(literal: "a"), payload: .values([1, .nan], width: 2))],
          to: path)
        guard case .values(let values, 2) = try RecordingFile.inputs(of: path)[0].payload else {
          Issue.record("no values")
          return
        }
        #expect(values[0] == 1 && values[1].isNaN)
      }
    }
  }

  @Test func answersOfTheCompactFormAreTheSameLines() throws {
    let format = AnswerFormat(
      labels: ["no", "yes"], top: 2, showsValues: true, tokenText: { "t\($0)" })
    let stream = StreamID(literal: "a")
    let messages = (0..<200).map { index -> AnswerMessage in
      var header = Header(kind: .answer)
      header.number = UInt64(index * 2)
      header.count = 2
      header.width = 2
      if index == 199 { header.flags = .last }
      let values: [Float] = [0.25, 0.75, Float(index) / 7, 1]
      let ids: [Int32] = [Int32(index), 3]
      return values.withUnsafeBytes { values in
        ids.withUnsafeBytes { AnswerMessage(header, payload: values, ids: $0) }
      }
    }
    let collector = LineCollector(format: format)
    messages.forEach { collector.append($0, of: stream) }
    try inForm(".mrrec") { path in
      let target = try RecordingTarget(
        path, format: format, writesTimes: false, replaces: false)
      for message in messages { try target.append(.answers(stream, message)) }
      try target.flush()
      #expect(try RecordingFile.answers(of: path, format: format) == collector.lines)
      let other = AnswerFormat(labels: ["a"], top: 1, showsValues: true, tokenText: nil)
      let error = #expect(throws: BadLine.self) {
        try RecordingFile.answers(of: path, format: other)
      }
      #expect(error?.description.contains("2 values, expected 1") == true)
    }
  }

  @Test func damageIsOneLineThatNamesTheBlock() throws {
    try inForm(".mrrec") { path in
      try write(Self.lines, to: path)
      let bytes = try FileBytes(readingFrom: path, expecting: "a recording").bytes
      func read(_ bytes: [UInt8]) throws -> Int {
        var decoder = try CompactRecordingDecoder(bytes, path: path)
        var count = 0
        while try decoder.next() != nil { count += 1 }
        return count
      }
      #expect(try read(bytes) == Self.lines.count)
      for count in CompactRecording.magic.count + 1..<bytes.count {
        let error = #expect(throws: BadLine.self, "cut at \(count)") {
          try read(Array(bytes[..<count]))
        }
        #expect(error?.description.contains("block 1 at byte 8") == true)
      }
      for index in CompactRecording.magic.count..<bytes.count {
        var damaged = bytes
        damaged[index] ^= 0x40
        #expect(throws: BadLine.self, "byte \(index)") { try read(damaged) }
      }
    }
  }

  /// With a checksum that fits, whatever the entries hold.
  @Test func hostileEntriesAreRefused() throws {
    var random = SplitMix64(seed: 7)
    try inForm(".mrrec") { path in
      try write(Self.lines, to: path)
      let bytes = try FileBytes(readingFrom: path, expecting: "a recording").bytes
      let entries = Array(bytes[(CompactRecording.magic.count + 8)...])
      var refused = 0
      for _ in 0..<3000 {
        var hostile = entries
        for _ in 0...random.next() % 4 {
          hostile[Int(random.next() % UInt64(hostile.count))] = UInt8(
            truncatingIfNeeded: random.next())
        }
        var file = CompactRecording.magic
        withUnsafeBytes(of: UInt32(hostile.count).littleEndian) { file += $0 }
        withUnsafeBytes(of: CRC32.sum(of: hostile).littleEndian) { file += $0 }
        file += hostile
        do {
          var decoder = try CompactRecordingDecoder(file, path: path)
          while try decoder.next() != nil {}
        } catch {
          refused += 1
          #expect("\(error)".hasPrefix("\(path): block 1 at byte 8: "))
        }
      }
      #expect(refused > 1000)
    }
  }

  @Test func theChecksumIsThatOfZip() {
    #expect(CRC32.sum(of: "123456789".utf8) == 0xCBF4_3926)
  }

  @Test(arguments: [
    ("{\"stream\":\"a\",\"bytes\":\"abc\"}", "two hexadecimal digits"),
    ("{\"stream\":\"a\",\"bytes\":\"zz\"}", "two hexadecimal digits"),
    ("{\"stream\":\"a\",\"text\":\"h\",\"open\":true}", "line of its own"),
    ("{\"stream\":\"a\",\"text\":\"h\",\"at\":-1}", "\"at\" is -1.0"),
    ("{\"stream\":\"a\",\"text\":\"h\",\"bytes\":\"00\"}", "exclude each other"),
    ("{\"stream\":\"a\",\"text\":\"h\",\"number\":9007199254740992}", "2^53"),
    ("{\"stream\":\"a/b\",\"text\":\"h\"}", "the stream is named"),
    ("[[[[[[[[[", "expected \"{\""),
    ("{\"stream\":\"a\",\"values\":[[1,2],[3]]}", "rows of"),
  ])
  func aBadLineIsNamed(line: String, says: String) throws {
    try inForm(".jsonl") { path in
      try "{\"stream\":\"a\",\"text\":\"h\"}\n\n\(line)\n".write(
        toFile: path, atomically: false, encoding: .utf8)
      let error = #expect(throws: BadLine.self) { try RecordingFile.inputs(of: path) }
      let text = error?.description ?? ""
      #expect(text.hasPrefix("\(path):3: "), "\(text)")
      #expect(text.contains(says), "\(text)")
    }
  }

  @Test(arguments: [
    ("max", ReplaySpeed.max), ("500", .stepsPerSecond(500)), ("1x", .timesRecorded(1)),
    ("0.5x", .timesRecorded(0.5)),
  ])
  func speedsAreRead(text: String, speed: ReplaySpeed) { #expect(ReplaySpeed(text) == speed) }

  @Test(arguments: ["", "x", "0", "-1", "0x", "nan", "infx", "fast"])
  func otherSpeedsAreNot(text: String) { #expect(ReplaySpeed(text) == nil) }
}
