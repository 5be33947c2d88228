import Foundation
import Testing

/// `decoder: { ... }` that does not go with its encoder: named before a socket is opened.
struct DecoderTests {
  private static let encoder = "Fixtures/translate/encoder.keras"
  private static let decoder = "Fixtures/translate/decoder.keras"
  private static let words = "Fixtures/translate/words.txt"

  private func refusal(
    encoder: String = Self.encoder, decoder: String?, more: [String] = []
  ) throws -> String {
    var pipeline = PipelineText(tokenizer: "{ kind: ids }", model: encoder)
    pipeline.more = more
    if let decoder { pipeline.more.append("decoder: { \(decoder) }") }
    let folder = try TemporaryFolder()
    let path = try folder.write("p.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))
    let run = try ChildProcess.run(["pipe", path], input: "")
    #expect(run.exitCode == 78 && run.outputLines.isEmpty)
    #expect(run.errorLines.count == 1)
    return run.errorLines.joined()
  }

  private let generate = "emit: { generate: { steps: 3 } }"

  @Test func aStateOfTheWrongShapeIsNamed() throws {
    // Both have an LSTM: one of 26 units, one of as many as the encoder ends with.
    let line = try refusal(
      decoder: "model: \(Checkout.path("Fixtures/remember/model.keras")), start: 1",
      more: [generate])
    let ends = try stateRows(Self.encoder)
    #expect(
      line.contains(
        "\"decoder\" begins with a state of h of 26, c of 26, but the model ends with \(ends)"),
      "\(line)")
  }

  /// As `inspect` names them: "h of 128, c of 128".
  private func stateRows(_ model: String) throws -> String {
    struct Inspection: Decodable {
      struct Model: Decodable {
        struct Row: Decodable {
          let kind: String
          let width: Int
        }
        let stateRows: [Row]
      }
      let model: Model
    }
    let run = try ChildProcess.run(["model", "inspect", Checkout.path(model), "--json"], input: "")
    let inspection = try JSONDecoder().decode(Inspection.self, from: Data(run.output))
    return inspection.model.stateRows.map { "\($0.kind) of \($0.width)" }.joined(separator: ", ")
  }

  @Test func aStateOfAnotherKindIsNamed() throws {
    // A GRU has no c.
    let line = try refusal(
      encoder: "Fixtures/music/model.keras",
      decoder: "model: \(Checkout.path(Self.decoder)), start: 1", more: [generate])
    #expect(line.contains("but the model ends with h of 48"), "\(line)")
  }

  @Test func whatElseDoesNotFitIsNamed() throws {
    let model = "model: \(Checkout.path(Self.decoder))"
    let vocabulary = "vocabulary: \(Checkout.path(Self.words))"
    #expect(
      try refusal(decoder: "\(model), start: 1").contains("\"decoder\" needs emit: { generate:"))
    #expect(
      try refusal(decoder: "\(model), \(vocabulary), start: qwertz", more: [generate])
        .contains("names the token \"qwertz\", which the vocabulary has not"))
    #expect(
      try refusal(decoder: "start: 1", more: [generate]).contains("holds no decoder of its own"))
    #expect(
      try refusal(encoder: "Fixtures/reverse/both.keras", decoder: nil)
        .contains("holds an encoder and a decoder; say how the decoder begins"))
  }
}
