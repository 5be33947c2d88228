import Foundation
import Recurrence
import Tokenization
import Wire

@testable import Durability
@testable import Millrace

/// Checkpoint files, as the stages of two pipelines take them: one of text, one of numbers.
extension FuzzedInput {
  static let checkpointForms: [CheckpointForm] = [
    InputEncoding.text(tokenizers[1]), .values(features),
  ].map {
    CheckpointForm(
      owner: CheckpointFile.Owner(
        model: "sha256:1", precision: "f32", tokenizer: "characters:7", kernels: "avx512"),
      encoding: $0,
      state: StateForm(
        count: 6, text: "lstm h 3, lstm c 3",
        rows: [
          CheckpointFile.Row(name: "state/0/lstm/h", width: 3),
          CheckpointFile.Row(name: "state/0/lstm/c", width: 3),
        ]), answerWidth: 2, hasAnomaly: true, hasAlarm: true,
      recent: RecentInputs.Form(limit: 3, width: $0.stepWidth ?? 0, tokens: 5), stepsAnAnswer: 3)
  }

  /// Reads a file as it came, and with its length, its data's size and its fingerprint put right.
  static func checkpointFile(_ bytes: [UInt8]) -> String {
    [bytes, repairedCheckpoint(bytes)].flatMap { file in
      checkpointForms.map { form in
        do {
          return try goOn(with: file, form)
        } catch {
          return "\(error)"
        }
      }
    }.joined(separator: "; ")
  }

  /// Takes a stream as the stages do, a step further.
  private static func goOn(with file: [UInt8], _ form: CheckpointForm) throws -> String {
    let content = try form.read(file)
    let written = content.bytes(rows: form.state.rows)
    let again = try? form.read(written)  // why: what is not read again is a failure here
    precondition(again?.bytes(rows: form.state.rows) == written, "written otherwise than read")
    let stream = IngressStream(id: StreamID(literal: "a"), worker: 0)
    try stream.restore(content.snapshot.standing)
    guard let memory = content.snapshot.memory else { return "\(stream.sequenceSteps) steps" }
    let copy = try? StreamSnapshot.Memory(bytes: memory.bytes)  // why: as above
    precondition(copy?.bytes == memory.bytes, "a worker reads something else")
    if let alarm = AlarmState(decoding: memory.alarm) {
      for score in [0, 1] as [Float] {
        var alarm = alarm
        _ = alarm.take(
          score, number: 7, rule: AlarmRule(subject: .anomaly, on: 0.9, off: 0.5, offAnswers: 3))
        _ = alarm.end()
      }
    }
    let recent = try RecentInputs(decoding: memory.checkpoint.recent)
    precondition(recent.count <= form.recent.limit, "more inputs than are kept")
    if !memory.checkpoint.errors.isEmpty {
      var errors = try AnomalyScore.State(decoding: memory.checkpoint.errors)
      let score = AnomalyScore(window: 8, recent: 2, warmUp: 2)
      for value in 0..<9 { _ = score.step(value: Float(value), forecast: 2, &errors) }
    }
    return "\(stream.sequenceSteps) steps and their memory"
  }

  private static func repairedCheckpoint(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count > 8, let end = endOfObject(bytes, from: 8) else { return bytes }
    var header = Array(bytes[8..<end])
    guard
      let object = try? JSONSerialization.jsonObject(with: Data(header)) as? [String: Any],
      let metadata = object["__metadata__"] as? [String: String]
    else { return bytes }  // why: what is no such header is read as it is
    let entries = object.compactMap { name, value in entry(name, value) }
    let count = entries.map(\.bytes.upperBound).max() ?? 0
    guard count <= 1 << 16 else { return bytes }
    var data = Array(bytes[end...].drop { $0 == 0x20 }.prefix(count))
    data += [UInt8](repeating: 0, count: count - data.count)
    let fingerprint = CheckpointFile.fingerprint(
      metadata.map { ($0.key, $0.value) }, entries, data[...])
    if let place = firstRange(of: Array(#""fingerprint":""#.utf8), in: header),
      let close = header[place.upperBound...].firstIndex(of: UInt8(ascii: "\""))
    {
      header.replaceSubrange(place.upperBound..<close, with: Array(fingerprint.utf8))
    }
    header += [UInt8](repeating: 0x20, count: (8 - header.count % 8) % 8)
    return (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header + data
  }

  private static func entry(_ name: String, _ value: Any) -> TensorEntry? {
    guard let value = value as? [String: Any], let type = value["dtype"] as? String,
      let type = TensorEntry.ElementType(rawValue: type), let shape = value["shape"] as? [Int],
      let offsets = value["data_offsets"] as? [Int], shape.count == 1, offsets.count == 2,
      0 <= offsets[0], offsets[0] <= offsets[1]
    else { return nil }
    return TensorEntry(name: name, type: type, count: shape[0], bytes: offsets[0]..<offsets[1])
  }

  private static func firstRange(of part: [UInt8], in whole: [UInt8]) -> Range<Int>? {
    guard whole.count >= part.count else { return nil }
    return (0...whole.count - part.count).first { whole[$0...].starts(with: part) }
      .map { $0..<$0 + part.count }
  }

  /// Where the JSON object that begins at `start` ends.
  private static func endOfObject(_ bytes: [UInt8], from start: Int) -> Int? {
    var depth = 0
    var isText = false
    var isEscaped = false
    for place in start..<bytes.count {
      defer { isEscaped = !isEscaped && bytes[place] == UInt8(ascii: "\\") }
      switch bytes[place] {
      case UInt8(ascii: "\"") where !isEscaped: isText.toggle()
      case UInt8(ascii: "{") where !isText: depth += 1
      case UInt8(ascii: "}") where !isText:
        depth -= 1
        if depth == 0 { return place + 1 }
      default: break
      }
    }
    return nil
  }
}
