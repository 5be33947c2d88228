import Foundation
import ONNXProto
import Recurrence
import SwiftProtobuf
import Testing

@testable import ModelFiles

/// Every ONNX fixture against its runtime, step by step, and graphs that must be refused.
struct ONNXFileTests {
  static let cases = Fixture.members(of: "onnx", prefix: "").filter {
    !$0.contains(".") && !$0.hasPrefix("_") && !["refused", "operator-tests"].contains($0)
  }
  static let operatorTests = Fixture.members(of: "onnx/operator-tests", prefix: "test_")
  static let refused = Fixture.members(of: "onnx/refused", prefix: "")

  @Test func thereAreFixtures() {
    #expect(Self.cases.count == 42)
    #expect(Self.operatorTests.count == 5)
    #expect(Self.refused.count == Self.reasons.count)
  }

  @Test(arguments: cases) func everyStepIsTheRuntimesAnswer(name: String) throws {
    let folder = "onnx/\(name)"
    let loaded = try loadModel(at: Fixture.path("\(folder)/model.onnx"))
    let reference = try ReferenceSteps(folder)
    #expect(reference.difference(from: reference.answers(of: loaded.model)) == nil)
    #expect(loaded.format == "ONNX")
  }

  /// The same network through Keras' own file and through its exporters.
  @Test(arguments: cases.filter { $0.hasPrefix("keras") })
  func kerasAndItsExportAgree(name: String) throws {
    let reference = try ReferenceSteps("onnx/\(name)")
    let keras = try loadModel(at: Fixture.path("onnx/\(name)/model.keras")).model
    let rows = reference.answers(of: keras)
    #expect(reference.difference(from: rows) == nil)
    // A convolution's bias is added elsewhere; recurrent layers keep their bits, loops too.
    if !name.hasSuffix("conv-lstm") {
      let onnx = try loadModel(at: Fixture.path("onnx/\(name)/model.onnx")).model
      #expect(reference.answers(of: onnx) == rows)
    }
  }

  @Test(arguments: operatorTests) func onnxOwnTestsPass(name: String) throws {
    let folder = "onnx/operator-tests/\(name)"
    let model = try loadModel(at: Fixture.path("\(folder)/model.onnx")).model
    func tensor(_ file: String) throws -> ONNXConstant {
      let proto = try Onnx_TensorProto(
        serializedBytes: Fixture.bytes("\(folder)/test_data_set_0/\(file).pb"))
      return try ONNXTensorReader(path: file).constant(proto, name: file)
    }
    let x = try tensor("input_0")
    let values = try #require(x.floats)
    let expected = try #require(try tensor("output_0").floats)
    let sizes = try #require(x.sizes)
    // [steps, batch, values]: every row of the batch is a stream.
    #expect(sizes[0] == 1)
    var answers: [Float] = []
    for stream in 0..<sizes[1] {
      let state = model.makeState()
      var batch = StepBatch(model: model, capacity: 1)
      Array(values[stream * sizes[2]..<(stream + 1) * sizes[2]]).withUnsafeBufferPointer {
        batch.append(state, vector: $0)
      }
      model.step(&batch)
      answers += Array(batch.output(0))
    }
    #expect(answers.count == expected.count)
    #expect(zip(answers, expected).allSatisfy { abs($0 - $1) <= 2e-5 + 2e-4 * abs($1) })
  }

  // MARK: Refusals

  static let reasons: [String: String] = [
    "absurd-shape": "tensor W has the shape [1, 1099511627776, 2], which is more than",
    "activation": "layer 'cell' (LSTM): activations: has \"Gelu\", which is not supported",
    "activation-count": "layer 'cell' (LSTM): activations: names 1 functions, expected 3",
    "alpha-count": "layer 'cell' (LSTM): activation_alpha: has 1 values, expected 0",
    "bidirectional": "layer 'cell' (LSTM): direction: is \"bidirectional\"",
    "clip": "layer 'cell' (LSTM): clip: is not supported",
    "conv-ahead": "layer 'conv' (Conv): pads: puts rows behind the last step: not streamable",
    "cycle": "layer 'first' (Add): needs b, which nothing before it gives: a cycle or a gap",
    "domain": "layer 'cell' (LSTM): comes from the domain com.example",
    "external": "tensor W is in another file, which is not read",
    "first-step": "layer 'first' (Gather): indices: takes step 0, expected the last",
    "function": "has functions of its own (own)",
    "input-forget": "layer 'cell' (LSTM): input_forget: is 1, expected 0",
    "loop-looks": "layer 'm' (ReduceMax): in a loop's body is not supported",
    "loop-other": "layer 'loop' (Loop): body: is not a SimpleRNN's, GRU's or LSTM's equations",
    "loop-other-row": "layer 'loop' (Loop): body: is not a SimpleRNN's, GRU's or LSTM's equations",
    "loop-stops": "layer 'goes' (Less): in a loop's body is not supported",
    "nan": "tensor W holds nan at position 0",
    "operator": "layer 'best' (TopK): this operator is not supported",
    "reverse": "layer 'cell' (LSTM): direction: is \"reverse\"",
    "sequence-lens": "layer 'cell' (LSTM): sequence_lens: is given",
    "short-data": "tensor R has 2 values, expected 36 for the shape [1, 12, 3]",
    "softmax-steps": "layer 's' (Softmax): axis: is 1, which is not that of a row's values",
    "two-answers": "has the outputs [\"Y\", \"Z\"], and Z is no state",
    "two-inputs": "layer 'sum' (Add): takes the graph's input Z; a stream has one input",
    "unknown-attribute": "layer 'cell' (LSTM): momentum: is an attribute that is not known",
    "version": "uses version 99 of ONNX' operators, expected 7 to 26",
    "weight-is-input": "layer 'cell' (LSTM): takes the graph's input R; a stream has one input",
  ]

  @Test(arguments: refused) func refusesByName(file: String) throws {
    let path = Fixture.path("onnx/refused/\(file)")
    let reason = try #require(Self.reasons[file.replacing(".onnx", with: "")])
    do {
      _ = try loadModel(at: path)
      Issue.record("loaded")
    } catch {
      #expect("\(error)".hasPrefix("\(path): \(reason)"), "\(error)")
      #expect(!"\(error)".contains("\n"))
    }
  }

  @Test(arguments: [
    "torch-script-gru-last", "torch-dynamo-convolutional", "keras-export-lstm-last",
  ])
  func changedBytesGiveAnErrorOrAModel(name: String) throws {
    let bytes = try Fixture.bytes("onnx/\(name)/model.onnx")
    func load(_ bytes: [UInt8]) {
      do {
        _ = try ONNXModelFile(content: .memory(bytes), path: "file", weightsPath: nil).load()
      } catch {
        #expect(!"\(error)".contains("\n"))
      }
    }
    for position in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 397)) {
      var changed = bytes
      changed[position] ^= position.isMultiple(of: 2) ? 0xff : 0x01
      load(changed)
      load(Array(bytes[..<position]))
    }
  }

  @Test func aGraphOfManyBranchesIsRead() throws {
    let model = try loadModel(at: Fixture.path("onnx/torch-script-convolutional/model.onnx")).model
    #expect(model.layers.contains { if case .branch = $0 { true } else { false } })
    #expect(model.shape == .manyToMany)
    let windows = try loadModel(at: Fixture.path("onnx/torch-script-windows/model.onnx")).model
    #expect(windows.shape == .manyToOne)
    let hidden = try loadModel(at: Fixture.path("onnx/torch-dynamo-hidden/model.onnx")).model
    #expect(hidden.shape == .manyToOne)
  }

  /// A state that is given stands in the place of the file's own `initial_h` and `initial_c`.
  @Test(arguments: ["lstm-initial", "gru-nobias-initial", "rnn-initial"])
  func aStateFormReplacesTheFilesOwn(name: String) throws {
    let model = try loadModel(at: Fixture.path("onnx/\(name)/model.onnx")).model
    func answers(_ state: StreamState) -> [Float] {
      var batch = StepBatch(model: model, capacity: 1)
      let width = if case .vectors(let width) = model.input { width } else { 1 }
      [Float](repeating: 0.5, count: width).withUnsafeBufferPointer {
        batch.append(state, vector: $0)
      }
      model.step(&batch)
      return Array(batch.output(0))
    }
    let own = try #require(
      model.layers.compactMap { layer -> [Float]? in
        if case .startingState(let starting) = layer { return starting.h + (starting.c ?? []) }
        return nil
      }.first)
    let state = model.makeState()
    #expect(state.layout.recurrentCount == own.count)
    try state.begin(with: own)
    let plain = answers(model.makeState())
    #expect(answers(state) == plain)
    try state.begin(with: [Float](repeating: 0, count: own.count))
    #expect(answers(state) != plain)
    #expect(throws: StateError.wrongCount(expected: own.count, received: 1)) {
      try state.begin(with: [1])
    }
  }
}
