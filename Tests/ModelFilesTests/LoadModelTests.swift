import Foundation
import Recurrence
import Testing

@testable import ModelFiles

/// What is said of files that are no models.
struct LoadModelTests {
  private func message(_ path: String) -> String {
    do {
      return "loaded \(try loadModel(at: path).format)"
    } catch {
      return "\(error)"
    }
  }

  @Test(arguments: [
    ("bad/empty.keras", "is empty, expected"),
    ("bad/not-hdf5.h5", "is no model file that is known, expected"),
    ("bad/not-zip.keras", "is no model file that is known, expected"),
    ("bad/truncated.keras", "is no whole zip archive"),
    ("bad/truncated.h5", "is no whole HDF5 file (truncated file"),
    ("bad/no-config.keras", "is a zip archive without config.json, expected"),
    ("bad/no-weights.keras", "is a zip archive without model.weights.h5, expected"),
    ("bad/config-not-json.keras", "its configuration is not JSON"),
    ("bad/weights-truncated.keras", "model.weights.h5 inside is no whole HDF5 file"),
    ("bad/wrong-shape.keras", "tensor simple_rnn/kernel has shape [5, 8], expected [5, 9]"),
    ("bad/unknown-layer.keras", "layer 'simple_rnn' (PeepholeRNN): this kind of layer is not"),
    ("model-files/hdf5/nan.h5", "layer 0 'dense' (Dense): kernel holds nan at position 0"),
    ("bad", "is a folder, expected a model file"),
    ("bad/nothing-here.keras", "no such file; expected"),
    ("bad/empty.keras/model.keras", "no such file; expected"),
    ("golden/t_lstm/model.safetensors", "holds weights without layers, expected them in"),
  ])
  func oneLineSaysWhatIsWrong(file: String, reason: String) {
    let path = Fixture.path(file)
    let text = message(path)
    #expect(text.hasPrefix("\(path): \(reason)"), "\(text)")
    #expect(!text.contains("\n"))
  }

  @Test func refusesWhatIsNoRegularFile() {
    #expect(message("/dev/zero") == "/dev/zero: is no regular file, expected a model file")
  }

  @Test func theContentDecidesNotTheName() throws {
    let file = try ScratchFile(
      Fixture.bytes("golden/k_rnn_tanh_seq/model.h5"), suffix: ".keras")
    #expect(try loadModel(at: file.path).format == "Keras 3.15.1 (.h5)")
  }

  @Test func theHashIsOfTheWholeFile() throws {
    let loaded = try loadModel(at: Fixture.path("golden/k_lstm_seq/model.keras"))
    let text = ModelSummary(loaded).sha256Text
    let recorded = String(decoding: try Fixture.bytes("golden/k_lstm_seq/case.json"), as: UTF8.self)
    #expect(text.count == 64)
    #expect(recorded.contains("\"model.keras\": \"\(text)\""))
    // FIPS 180-2, "abc".
    #expect(SHA256.hash(of: Array("abc".utf8)).prefix(4) == [0xba, 0x78, 0x16, 0xbf])
  }

  /// A damaged byte of a stored entry is nothing HDF5 can see: only the zip's checksum does.
  @Test func aChangedWeightIsNoticed() throws {
    var bytes = try Fixture.bytes("golden/k_lstm_seq/model.keras")
    let weights = try ZipArchive(.memory(bytes)).entry("model.weights.h5", byteCountMax: 1 << 20)
    let tensor = try HDF5File.withFile(weights) { file in
      try file.tensor("layers/lstm/cell/vars/1", name: "1")
    }
    let pattern = tensor.values.prefix(4).flatMap { value in
      withUnsafeBytes(of: value) { Array($0) }
    }
    let start = try #require(
      bytes.indices.first { bytes[$0...].starts(with: pattern) })
    bytes[start] ^= 1
    let file = try ScratchFile(bytes)
    let text = message(file.path)
    #expect(text.contains("model.weights.h5 inside is damaged (CRC error)"), "\(text)")
  }
}
