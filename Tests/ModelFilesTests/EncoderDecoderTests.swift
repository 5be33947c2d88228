import Foundation
import Recurrence
import Testing

@testable import ModelFiles

/// An encoder and a decoder that Keras trained as one graph.
struct EncoderDecoderTests {
  private func path(_ name: String) -> String { Fixture.path("reverse/\(name)") }

  @Test func oneFileGivesBoth() throws {
    let loaded = try loadModel(at: path("both.keras"))
    let decoder = try #require(loaded.decoder)
    #expect(loaded.model.layers.map(\.kindName) == ["Embedding", "LSTM", "LSTM"])
    #expect(decoder.layers.map(\.kindName) == ["Embedding", "LSTM", "LSTM", "Dense"])
    #expect(loaded.model.stateLayout.portableCount == decoder.stateLayout.portableCount)
    // Weights stand in the file by the running numbers of all layers of a class.
    #expect(loaded.model.layers[2].name == "encoder_2" && decoder.layers[2].name == "decoder_2")
    let other = try #require(try loaded.with(.bf16).decoder)
    #expect(other.precision == .bf16)
  }

  /// Both halves in one `.millrace` file, with a probe each.
  @Test func itsOwnFileHoldsBoth() throws {
    let loaded = try loadModel(at: path("both.keras"))
    let decoder = try #require(loaded.decoder)
    let bytes = try MillraceModelFile.content(of: loaded, labels: nil).bytes
    let whole = try ScratchFile(bytes, suffix: ".millrace")
    let again = try loadModel(at: whole.path)
    let other = try #require(again.decoder)
    #expect(other.stateLayout == decoder.stateLayout && other.input == decoder.input)
    for (have, want) in [(again.model, loaded.model), (other, decoder)] {
      let inputs = MillraceModelFile.probeInputs(for: want)
      #expect(
        MillraceModelFile.answers(of: have, to: inputs)
          == MillraceModelFile.answers(of: want, to: inputs))
    }
    // A weight of the decoder is guarded as one of the encoder is: the last tensors are its.
    var damaged = bytes
    damaged[bytes.count - 1] ^= 1
    let scratch = try ScratchFile(damaged, suffix: ".millrace")
    #expect(throws: ModelFileError.self) { try loadModel(at: scratch.path) }
  }

  @Test(arguments: [
    (
      "swapped",
      "'decoder_1' (LSTM): initial_state: is encoder_1[2], encoder_1[1], expected the h and c of one layer"
    ),
    ("crossed", "'decoder_1' (LSTM): initial_state: is of 'encoder_2', expected of 'encoder_1'"),
    ("zeros", "'decoder_2' (LSTM): initial_state: is not given, expected the last state"),
    ("joined", "'both' (Add): reads 'encoder_2' of the encoder; only its last h and c may pass"),
  ])
  func whatDoesNotFitIsNamed(name: String, words: String) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: path("refused/\(name).json")))
    let json = try #require(JSONValue(text: Array(data)))
    #expect {
      try KerasGraph(json, kerasMajor: 3, path: "m.keras")
    } throws: {
      "\($0)".contains(words)
    }
  }
}
