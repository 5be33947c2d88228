import Foundation
import Glibc
import Testing
import Wire

/// `millrace record` and `replay`: a live run comes back to the last byte, however it is cut.
struct RecordTests {
  /// Starts a recorder and waits until it records.
  private func record(_ running: RunningPipeline, _ arguments: [String]) throws -> ChildProcess {
    let recorder = try ChildProcess(
      ["record", running.folder.file("pipeline.yaml")] + arguments)
    try recorder.read(until: "the recorder") {
      $0.errorLines.contains { $0.contains("recording; ") }
    }
    return recorder
  }

  /// Two streams, cut and mixed by chance; returns what the client was answered, as lines.
  private func sendLive(
    _ running: RunningPipeline, seed: UInt64, streams: [String: InputData]
  ) throws -> [String: [String]] {
    var generator = SeededGenerator(seed: seed)
    let plans = streams.sorted { $0.key < $1.key }.map {
      Cut.random($0.value, of: $0.key, using: &generator)
    }
    let client = try running.client(.friendly)
    return try client.carryOut(Cut.interleaved(plans, using: &generator)).mapValues {
      $0.filter { !$0.payload.isEmpty }.map { $0.text.trimmingCharacters(in: .newlines) }
    }
  }

  private func replay(
    _ recording: String, _ running: RunningPipeline, _ arguments: [String]
  ) throws -> ChildProcess {
    try ChildProcess.run(["replay", recording, running.folder.file("pipeline.yaml")] + arguments)
  }

  @Test(arguments: [false, true])
  func aLiveRunReplaysToTheSameBytesCutAndMixedAnew(isSplit: Bool) throws {
    var pipeline = PipelineText.hello
    pipeline.sink = ["values: true"]
    pipeline.workers = 2
    let running = try RunningPipeline(pipeline, isSplit: isSplit, isTapped: true)
    let folder = running.folder
    let recorders = try ["r.jsonl", "r.mrrec"].map {
      try record(
        running,
        [
          "--output", folder.file($0), "--ended", "3", "--answers",
          folder.file($0 == "r.jsonl" ? "answers.jsonl" : $0),
        ])
    }
    let live = try sendLive(
      running, seed: 5,
      streams: [
        "a": .text("hellohell"), "b": .text("ollehhello!"), "cam-1": .text("helloo"),
      ])
    for recorder in recorders { #expect(try recorder.waitForExit() == 0, "\(recorder.errorLines)") }
    try running.stop()
    let recorded = try folder.lines(of: "answers.jsonl")
    #expect(recorded.count == 9 + 11 + 6)
    for (stream, lines) in live {
      #expect(try recorded.filter { try OutputLine($0).stream == stream } == lines)
    }
    for (recording, answers) in [("r.jsonl", "answers.jsonl"), ("r.mrrec", "r.mrrec")] {
      for seed in 1...3 {
        let process = try replay(
          folder.file(recording), running,
          ["--expect", folder.file(answers), "--cut", "\(seed)", "--interleave", "\(seed)"])
        #expect(process.exitCode == 0, "\(process.errorLines)")
        #expect(process.outputLines.contains("same bytes          26 of 26"))
      }
    }
    // The compact form is the smaller one already here.
    let sizes = try ["r.jsonl", "r.mrrec"].map {
      try FileManager.default.attributesOfItem(atPath: folder.file($0))[.size] as? Int ?? 0
    }
    #expect(sizes[1] < sizes[0] + 26 * 40)
  }

  @Test func aRecorderWhoseDiskIsFullFailsInOneLine() throws {
    let running = try RunningPipeline(.hello, isTapped: true)
    let disk = try FaultyDisk()
    try disk.set(.full)
    for name in ["r.jsonl", "r.mrrec"] {
      let recorder = try ChildProcess(
        [
          "record", running.folder.file("pipeline.yaml"), "--ended", "1", "--output",
          disk.folder.file(name),
        ], variables: disk.variables)
      if name == "r.jsonl" {  // the other form has a beginning of its own to write
        try recorder.read(until: "the recorder") {
          $0.errorLines.contains { $0.contains("recording; ") }
        }
        _ = try sendLive(running, seed: 6, streams: ["a": .text("hello")])
      }
      #expect(try recorder.waitForExit() == 74)
      #expect(
        recorder.errorLines.last
          == "millrace: cannot write to \(disk.folder.file(name)): No space left on device (28)")
    }
    try running.stop()
  }

  @Test func aRecordingOfNobodyFails() throws {
    let folder = try TemporaryFolder()
    try folder.write("p.yaml", PipelineText.hello.text(ingress: "ipc://\(folder.file("in"))"))
    let recorder = try ChildProcess(
      [
        "record", folder.file("p.yaml"), "--from", "ipc://\(folder.file("nobody"))", "--output",
        folder.file("r.jsonl"),
      ])
    try recorder.read(until: "it waits") { $0.errorLines.contains { $0.contains("waiting for") } }
    recorder.signal(SIGINT)
    #expect(try recorder.waitForExit() == 69)
    #expect(recorder.errorLines.last?.contains("nothing was recorded: nobody serves") == true)
  }

  @Test func aChangedWeightIsFoundAtTheFirstStepThatItReaches() throws {
    let folder = try TemporaryFolder()
    let fixture = "Fixtures/golden/t_embed_lstm_softmax"
    let model = Data(try Checkout.bytes("\(fixture)/model.safetensors"))
    let changed = try Self.changed(model, tensor: "layers.0.weight", row: 13)
    // The layers alone: the case also names the hash of the file that it is for.
    let recorded = try JSONSerialization.jsonObject(
      with: Data(try Checkout.bytes("\(fixture)/case.json")))
    let layers = try #require((recorded as? [String: Any])?["layers"])
    let sidecar = try JSONSerialization.data(withJSONObject: ["layers": layers])
    for (name, content) in [("model", model), ("changed", changed)] {
      try content.write(to: URL(filePath: folder.file("\(name).safetensors")))
      try sidecar.write(to: URL(filePath: folder.file("\(name).layers.json")))
    }
    let tokenizer = "{ kind: ids }"
    try folder.write(
      "p.yaml",
      "tokenizer: \(tokenizer)\nmodel: model.safetensors\ningress: ipc://\(folder.file("i"))\n"
    )
    try folder.write(
      "r.jsonl",
      """
      {"stream":"late","tokens":[1,2,3,4,5,6,7,13,8]}
      {"stream":"never","tokens":[1,2,3,4]}
      {"stream":"early","tokens":[0,1,13,2,13],"end":true}
      """)
    let lines = try ChildProcess.run(
      ["replay", folder.file("r.jsonl"), folder.file("p.yaml"), "--lines"])
    #expect(lines.exitCode == 0)
    try folder.write("answers.jsonl", String(decoding: lines.output, as: UTF8.self))
    let same = try ChildProcess.run(
      [
        "replay", folder.file("r.jsonl"), folder.file("p.yaml"), "--expect",
        folder.file("answers.jsonl"),
      ])
    #expect(same.exitCode == 0)
    // By a verdict on the recorded answers, and by the two models side by side.
    try folder.write(
      "c.yaml",
      "tokenizer: \(tokenizer)\nmodel: changed.safetensors\ningress: ipc://\(folder.file("i"))\n"
    )
    let verdict = try ChildProcess.run(
      [
        "replay", folder.file("r.jsonl"), folder.file("c.yaml"), "--expect",
        folder.file("answers.jsonl"),
      ])
    let report = folder.file("report.html")
    let comparison = try ChildProcess.run(
      [
        "replay", folder.file("r.jsonl"), folder.file("p.yaml"), "--against",
        folder.file("changed.safetensors"), "--report", report,
      ])
    for process in [verdict, comparison] {
      #expect(process.exitCode == 1, "\(process.errorLines)")
      #expect(
        process.outputLines.contains {
          $0.hasPrefix("first difference    stream early number 2: ")
        },
        "\(process.outputLines)")
      #expect(process.outputLines.contains { $0.hasPrefix("same bytes          13 of 18") })
    }
    let page = try String(contentsOfFile: report, encoding: .utf8)
    #expect(page.contains("<td class=\"n\">number 7"))
    #expect(page.contains("<td class=\"n\">nowhere"))
  }

  /// A copy of a safetensors file with one number changed.
  private static func changed(_ file: Data, tensor: String, row: Int) throws -> Data {
    let length = Int(file.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) })
    let header = try JSONSerialization.jsonObject(with: file[8..<8 + length]) as? [String: Any]
    let entry = header?[tensor] as? [String: Any]
    guard let begin = (entry?["data_offsets"] as? [Int])?.first,
      let width = (entry?["shape"] as? [Int])?.last
    else { throw HarnessError.unexpected("no \(tensor)") }
    var changed = file
    let offset = 8 + length + begin + row * width * 4
    // The sign of the row's first number.
    changed[offset + 3] ^= 0x80
    return changed
  }

  @Test func aFixtureFromLiveTrafficPassesTheTest() throws {
    var pipeline = PipelineText.hello
    pipeline.sink = ["file: \"/dev/null\""]
    let running = try RunningPipeline(pipeline, isTapped: true)
    let fixture = running.folder.file("cams")
    let recorder = try record(running, ["cam-*", "--fixture", fixture, "--ended", "2"])
    // A stream that is not asked for, a refused character, one stream with two lives.
    let client = try running.client(.friendly)
    for (text, stream) in [("hel", "other"), ("he?l", "cam-1"), ("hello", "cam-1")] {
      try client.hello()
      try client.send(.text(text), to: stream, number: 0, flags: [.start, .end])
      var isLast = false
      while !isLast {
        let message = try client.receive()
        isLast = message.header.kind == .answer && message.stream == stream && message.isLast
      }
    }
    #expect(try recorder.waitForExit() == 0, "\(recorder.errorLines)")
    try running.stop()
    let test = try ChildProcess.run(["test", "\(fixture)/cams.yaml"])
    #expect(test.exitCode == 0, "\(test.outputLines) \(test.errorLines)")
    #expect(test.outputLines.first?.hasPrefix("passed") == true)
    let text = try String(contentsOfFile: "\(fixture)/cams.yaml", encoding: .utf8)
    #expect(!text.contains("ingress") && !text.contains("monitor") && !text.contains("sink"))
    let input = try String(contentsOfFile: "\(fixture)/input.jsonl", encoding: .utf8)
    #expect(!input.contains("other"))
    // A fixture is not written over.
    let again = try ChildProcess.run(
      ["record", running.folder.file("pipeline.yaml"), "--fixture", fixture])
    #expect(again.exitCode == 74)
    #expect(again.errorLines.first?.contains("has files already") == true)
  }

  /// The fixture has no store, and needs none.
  @Test func aFixtureOfADaemonWithAStoreRuns() throws {
    let running = try RunningPipeline(.hello, isTapped: true, durability: "os")
    let fixture = running.folder.file("cam")
    let recorder = try record(running, ["--fixture", fixture, "--ended", "1"])
    let client = try running.client()
    try client.hello()
    try client.send(.text("hello"), to: "cam", number: 0, flags: [.start, .end])
    #expect(try recorder.waitForExit() == 0, "\(recorder.errorLines)")
    try running.stop()
    let test = try ChildProcess.run(["test", "\(fixture)/cam.yaml"])
    #expect(test.exitCode == 0, "\(test.outputLines) \(test.errorLines)")
    let text = try String(contentsOfFile: "\(fixture)/cam.yaml", encoding: .utf8)
    #expect(!text.contains("state"))
  }

  @Test func aFixtureOfNothingLeavesNoFolder() throws {
    let running = try RunningPipeline(.hello, isTapped: true)
    let fixture = running.folder.file("cam")
    let recorder = try ChildProcess.run(
      ["record", running.file, "--fixture", fixture, "--seconds", "0.1"])
    #expect(recorder.exitCode == 74)
    #expect(recorder.errorLines.last?.contains("nothing was recorded") == true)
    #expect(!FileManager.default.fileExists(atPath: fixture))
    try running.stop()
  }

  @Test func anOpenStreamIsComparedAsFarAsItWasRecorded() throws {
    let running = try RunningPipeline(.hello, isTapped: true)
    let file = running.folder.file("r.jsonl")
    let answers = running.folder.file("a.jsonl")
    let recorder = try record(running, ["--output", file, "--answers", answers, "--times"])
    let client = try running.client()
    try client.hello()
    try client.send(.text("hel"), to: "a", number: 0, flags: .start)
    _ = try client.answers(of: "a", steps: 3)
    recorder.signal(SIGINT)
    #expect(try recorder.waitForExit() == 0, "\(recorder.errorLines)")
    let lines = try running.folder.lines(of: "r.jsonl")
    #expect(lines.count == 2)
    #expect(lines.first?.contains("\"at\":") == true)
    #expect(lines.last == "{\"stream\":\"a\",\"open\":true}")
    for arguments in [[], ["--speed", "2x"], ["--speed", "1000"]] {
      let process = try replay(file, running, ["--expect", answers] + arguments)
      #expect(process.exitCode == 0, "\(process.errorLines)")
    }
  }

  struct Hostile: CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let says: String

    init(_ name: String, _ bytes: [UInt8], _ says: String) {
      (self.name, self.bytes, self.says) = (name, bytes, says)
    }

    init(_ name: String, _ text: String, _ says: String) { self.init(name, Array(text.utf8), says) }

    var testDescription: String { name }
  }

  private static let hostile = [
    Hostile(
      "no UTF-8", Array("{\"stream\":\"a\",\"text\":\"h\"}\n".utf8) + [0xff, 0x0a], "in line 2"),
    Hostile("deep", String(repeating: "[", count: 100_000), ":1: "),
    Hostile(
      "deep values", "{\"stream\":\"a\",\"values\":" + String(repeating: "[", count: 5000) + "}",
      ":1: "),
    Hostile("cut off", "{\"stream\":\"a\",\"text\":\"h\"}\n{\"stream\":\"a\",\"te", ":2: "),
    Hostile(
      "number twice", "{\"stream\":\"a\",\"number\":1,\"number\":2,\"text\":\"h\"}", "stands twice"),
    Hostile(
      "wide", "{\"stream\":\"a\",\"values\":[" + String(repeating: "0,", count: 300_000) + "0]}",
      "more than 1048576 bytes"),
    Hostile("compact, no block", Array("MRREC1\r\n".utf8) + [1], "block 1 at byte 8"),
    Hostile(
      "compact, huge block", Array("MRREC1\r\n".utf8) + [255, 255, 255, 255, 0, 0, 0, 0],
      "expected 1 to"),
    Hostile("compact, damaged by a newline", Array("MRREC1\n".utf8) + [0, 0, 0, 0], ":1: "),
  ]

  @Test(arguments: hostile) func aHostileRecordingIsOneLine(file: Hostile) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("r")
    #expect(FileManager.default.createFile(atPath: path, contents: Data(file.bytes)))
    let process = try ChildProcess.run(["replay", path, Checkout.path("Pipelines/hello.yaml")])
    #expect(process.exitCode == 65)
    #expect(process.errorLines.count == 1, "\(process.errorLines)")
    #expect(process.errorLines.first?.contains(file.says) == true, "\(process.errorLines)")
    #expect(process.errors.count < 1000)
  }
}
