import Foundation
import Recurrence
import Testing

@testable import ModelFiles

/// Files that want to do harm: each is refused in one line that says why.
struct HostileFilesTests {
  @Test(
    "fault 28: a hostile model file is refused in one line",
    arguments: [
      ("bomb.keras", "config.json inside claims 67108864 bytes, expected at most 16777216"),
      ("bomb-lies.keras", "config.json inside is damaged (its size is not the one it claims)"),
      ("deep.h5", "(it lies too deep)"), ("ring.h5", "(it lies too deep)"),
    ]) func isRefused(file: String, reason: String)
  {
    do {
      _ = try loadModel(at: Fixture.path("hostile/\(file)"))
      Issue.record("loaded")
    } catch {
      #expect("\(error)".contains(reason), "\(error)")
      #expect(!"\(error)".contains("\n"))
    }
  }

  /// Entries are found by the names that we ask for; nothing is unpacked.
  @Test("fault 36: names that lead out of a model file are not followed")
  func namesThatLeadOutAreNotFollowed() throws {
    let model = try loadModel(at: Fixture.path("hostile/paths.keras")).model
    let sound = try loadModel(at: Fixture.path("golden/k_lstm_seq/model.keras")).model
    let inputs = MillraceModelFile.probeInputs(for: sound)
    #expect(
      MillraceModelFile.answers(of: model, to: inputs)
        == MillraceModelFile.answers(of: sound, to: inputs))
  }

  @Test(arguments: [
    (Layer.repeatVector(RepeatVector(name: "l", count: 1 << 40)), "n is 1099511627776"),
    (
      .pooling1D(Pooling1D(name: "l", kind: .maximum, size: 1 << 40, width: 2)),
      "pool_size is 1099511627776"
    ),
    (
      .conv1D(
        Conv1D(
          name: "l", kernelSize: 2, dilation: .max,
          kernel: Matrix(rows: 4, columns: 1, values: [0, 0, 0, 0]),
          bias: nil, activation: .linear)), "dilation_rate is 9223372036854775807"
    ),
    (.branch(Branch(name: "l", kind: .keep(slot: 1 << 40))), "slot is 1099511627776"),
  ]) func absurdSizesAreRefusedBeforeMemoryIsTaken(layer: Layer, reason: String) {
    #expect {
      try Model(layers: [layer], input: .vectors(width: 2), name: "m")
    } throws: {
      "\($0)".contains(reason)
    }
  }

  @Test func aStateBeyondAllMemoryIsRefused() throws {
    let pooling = Layer.pooling1D(
      Pooling1D(name: "p", kind: .maximum, size: 1 << 16, width: 1 << 12))
    #expect {
      try Model(layers: [pooling], input: .vectors(width: 1 << 12), name: "m")
    } throws: {
      "\($0)".contains("each stream would need")
    }
  }

  @Test func aLayerOfOtherUnitsThanItsWeightsIsRefused() throws {
    // Such sizes would overflow where they are multiplied.
    let loaded = try loadModel(at: Fixture.path("golden/k_lstm_seq/model.keras"))
    let bytes = try MillraceModelFile.content(of: loaded, labels: nil).bytes
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text.contains(#"\"units\":"#))
    var record = LayerRecord("lstm", "l")
    record.units = 1 << 62
    #expect(throws: LayerRecord.Fault.self) {
      try record.layer(
        tensor: { _ in nil }, packed: { _ in Matrix(rows: 1, columns: 4, values: [0, 0, 0, 0]) })
    }
  }
}
