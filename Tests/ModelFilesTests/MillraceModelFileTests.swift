import Foundation
import Recurrence
import Testing

@testable import ModelFiles

/// Models of every origin through Millrace's own file: the same bits, or a refusal.
struct MillraceModelFileTests {
  /// Everything under Fixtures that loads.
  static let files: [String] = {
    let enumerator = FileManager.default.enumerator(atPath: Fixture.folder.path)
    let paths = (enumerator?.allObjects ?? []).compactMap { $0 as? String }.filter { path in
      [".keras", ".h5", ".safetensors", ".onnx"].contains { path.hasSuffix($0) }
        && !path.hasPrefix("bad/")
    }
    return paths.sorted().filter { (try? loaded($0)) != nil }
  }()

  private static func loaded(_ file: String) throws -> LoadedModel {
    let layers = Fixture.path(file).replacingOccurrences(
      of: "/model.safetensors", with: "/case.json")
    let isGolden = file.hasPrefix("golden/") && file.hasSuffix(".safetensors")
    return try loadModel(at: Fixture.path(file), layers: isGolden ? layers : nil)
  }

  @Test func thereAreModels() { #expect(Self.files.count > 70, "\(Self.files.count)") }

  @Test(arguments: files) func everyModelComesBackWithTheSameBits(file: String) throws {
    let loaded = try Self.loaded(file)
    let bytes = try MillraceModelFile.content(of: loaded, labels: nil).bytes
    let scratch = try ScratchFile(bytes, suffix: ".millrace")
    let again = try loadModel(at: scratch.path)
    #expect(again.model.shape == loaded.model.shape)
    #expect(again.model.input == loaded.model.input)
    #expect(again.model.parameterCount == loaded.model.parameterCount)
    #expect(again.model.stateLayout == loaded.model.stateLayout)
    #expect(again.vocabulary == loaded.vocabulary)
    #expect(again.format == "Millrace, from \(loaded.format)")
    var random = SplitMix64(seed: 77)
    let inputs = (0..<3).flatMap { _ in
      MillraceModelFile.probeInputs(for: loaded.model).map { value in
        if case .tokens(let count) = loaded.model.input {
          return Float(random.next() % UInt64(count))
        }
        return value * Float(random.unit())
      }
    }
    let count = inputs.count / 3
    for start in stride(from: 0, to: inputs.count, by: count) {
      let steps = Array(inputs[start..<start + count])
      #expect(
        MillraceModelFile.answers(of: again.model, to: steps)?.map(\.bitPattern)
          == MillraceModelFile.answers(of: loaded.model, to: steps)?.map(\.bitPattern))
    }
    // Converted twice, it is the same file but for where it came from.
    let twice = try MillraceModelFile.content(of: again, labels: nil).bytes
    #expect(twice.count > 0)
  }

  @Test func labelsTravelWithIt() throws {
    let loaded = try Self.loaded("hello/model.keras")
    let bytes = try MillraceModelFile.content(
      of: loaded, labels: ["a", "", "\"다\""]
    ).bytes
    let scratch = try ScratchFile(bytes, suffix: ".any")
    let again = try loadModel(at: scratch.path)
    #expect(again.labels == ["a", "", "\"다\""])
  }

  /// One bit of a file is changed, anywhere: it is refused in one line, and never gives other numbers.
  @Test(arguments: [
    "golden/k_stacked/model.keras", "golden/k_norms/model.keras",
    "model-files/keras3-many-layers/model.keras",
  ])
  func everyChangedBitIsNoticed(file: String) throws {
    let loaded = try Self.loaded(file)
    let sound = try MillraceModelFile.content(of: loaded, labels: ["l"]).bytes
    let seed = UInt64.random(in: 0..<(1 << 32))
    var random = SplitMix64(seed: seed)
    for _ in 0..<300 {
      var bytes = sound
      let bit = Int(random.next() % UInt64(bytes.count * 8))
      bytes[bit / 8] ^= 1 << (bit % 8)
      let scratch = try ScratchFile(bytes, suffix: ".millrace")
      do {
        let again = try loadModel(at: scratch.path)
        // What is left is a space of the padding that became another one, or the like.
        #expect(again.labels == ["l"], "bit \(bit), seed \(seed)")
        let inputs = MillraceModelFile.probeInputs(for: loaded.model)
        #expect(
          MillraceModelFile.answers(of: again.model, to: inputs)
            == MillraceModelFile.answers(of: loaded.model, to: inputs), "bit \(bit), seed \(seed)")
      } catch {
        #expect(!"\(error)".contains("\n"), "bit \(bit), seed \(seed)")
      }
    }
  }

  @Test func aTruncatedFileIsRefused() throws {
    let bytes = try MillraceModelFile.content(
      of: Self.loaded("golden/k_stacked/model.keras"), labels: nil
    ).bytes
    for count in [9, 100, bytes.count / 2, bytes.count - 1] {
      let scratch = try ScratchFile(Array(bytes[..<count]), suffix: ".millrace")
      #expect(throws: ModelFileError.self, "\(count)") { try loadModel(at: scratch.path) }
    }
  }

  @Test func otherWeightsFailTheProbe() throws {
    // Whole, checksums and all, but for its probe.
    let one = try Self.loaded("golden/k_lstm_seq/model.keras")
    let text = String(
      decoding: try MillraceModelFile.content(of: one, labels: nil).bytes,
      as: UTF8.self)
    #expect(text.contains("probe/outputs"))
    let changed = LoadedModel(
      model: try Model(
        layers: one.model.layers.map { layer in
          guard case .dense(let dense) = layer else { return layer }
          var values = dense.kernel.values
          values[0] += 1
          return .dense(
            Dense(
              name: dense.name,
              kernel: Matrix(
                rows: dense.kernel.rows, columns: dense.kernel.columns, values: values),
              bias: dense.bias, activation: dense.activation))
        }, input: one.model.input, name: one.model.name),
      sha256: one.sha256, format: one.format, kerasVersion: nil, path: "")
    let probe = MillraceModelFile.probeInputs(for: one.model)
    #expect(
      MillraceModelFile.answers(of: one.model, to: probe)
        != MillraceModelFile.answers(of: changed.model, to: probe))
    let bytes = try MillraceModelFile.content(
      of: changed, labels: nil, answers: one.model
    ).bytes
    let scratch = try ScratchFile(bytes, suffix: ".millrace")
    #expect {
      try loadModel(at: scratch.path)
    } throws: {
      "\($0)".contains("its probe gives") && "\($0)".contains("are not those that were converted")
    }
  }
}
