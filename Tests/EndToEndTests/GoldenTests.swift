import Foundation
import Testing
import Wire

/// The Keras cases through the whole pipeline, over a socket, each step within the case's tolerance.
struct GoldenTests {
  struct Case: Decodable {
    struct Input: Decodable {
      let kind: String
      let size: Int
    }

    struct Tolerance: Decodable {
      let abs: Float
      let rel: Float
    }

    let mode: String
    let input: Input
    let tolerance: Tolerance
  }

  /// One line of steps.jsonl.
  struct Step {
    var id: Int32?
    var x: [Float] = []
    var y: [Float] = []
    var isRow = false

    init(_ line: String) throws {
      try Array(line.utf8).withUnsafeBytes { try read($0) }
    }

    private mutating func read(_ bytes: UnsafeRawBufferPointer) throws(JSONError) {
      var reader = JSONReader(bytes)
      try reader.object { (key, reader) throws(JSONError) in
        switch key {
        case "x" where reader.peek() != UInt8(ascii: "["):
          id = Int32(try reader.unsignedInteger())
        case "x":
          try reader.array { (reader) throws(JSONError) in x.append(try reader.float()) }
        case "y":
          try reader.array { (reader) throws(JSONError) in y.append(try reader.float()) }
        case "k":
          isRow = true
          try reader.skip()
        default: try reader.skip()
        }
      }
    }
  }

  static let names = [
    "k_conv_causal_gru", "k_embed_lstm_last", "k_embed_mask", "k_functional_chain",
    "k_gru_nobias", "k_gru_reset_after", "k_gru_reset_before", "k_hello_onehot",
    "k_lstm_hard_sigmoid", "k_lstm_last", "k_lstm_nobias", "k_lstm_seq", "k_masking_vec",
    "k_norms", "k_repeat_vector", "k_rnn_relu_last", "k_rnn_tanh_seq", "k_stacked",
  ]

  @Test func everyCaseIsHere() throws {
    let folders = try FileManager.default.contentsOfDirectory(
      atPath: Checkout.path("Fixtures/golden"))
    #expect(
      folders.filter { $0.hasPrefix("k_") }.sorted() == (names + ["k_bidirectional"]).sorted())
  }

  private var names: [String] { Self.names }

  @Test(arguments: names)
  func eachStepIsAsKerasGivesIt(name: String) throws {
    let golden = try JSONDecoder().decode(
      Case.self, from: Data(try Checkout.bytes("Fixtures/golden/\(name)/case.json")))
    let steps = try Checkout.lines("Fixtures/golden/\(name)/steps.jsonl").map { try Step($0) }
    let isText = golden.input.kind == "token"
    let pipeline = PipelineText(
      tokenizer: isText ? "{ kind: ids }" : "{ kind: values }",
      model: "Fixtures/golden/\(name)/model.keras")
    let running = try RunningPipeline(pipeline)
    let client = try running.client()
    let inputs = steps.filter { !$0.isRow }
    let data: InputData =
      isText ? .ids(inputs.compactMap(\.id)) : .values(inputs.map(\.x))
    #expect(data.count == inputs.count)
    // Half of the steps one by one, the rest in one message.
    let half = inputs.count / 2
    for number in 0..<half {
      try client.send(data[number..<number + 1], to: name, number: UInt64(number))
    }
    try client.send(
      data[half..<inputs.count], to: name, number: UInt64(half), flags: .end)
    let answers = try client.answersToEnd(of: name).filter { $0.header.count > 0 }
    let expected = steps.map(\.y).filter { !$0.isEmpty }
    let rows = answers.flatMap(\.rows)
    #expect(rows.count == expected.count)
    for (step, (row, expected)) in zip(rows, expected).enumerated() {
      let isClose =
        row.count == expected.count
        && zip(row, expected).allSatisfy {
          abs($0 - $1) <= golden.tolerance.abs + golden.tolerance.rel * abs($1)
        }
      #expect(isClose, "step \(step): expected \(expected), received \(row)")
    }
    if golden.mode == "one_to_many" {
      #expect(answers.count == 1)
      #expect(answers.first?.isLast == true)
      #expect(answers.first?.header.number == 0)
      #expect(answers.first?.header.input == UInt64(inputs.count))
    } else {
      #expect(answers.first?.header.number == 0)
      #expect(
        answers.last.map { $0.header.number + UInt64($0.header.count) } == UInt64(inputs.count))
    }
  }

  @Test func theRowsOfAOneToManyModelAreLinesAndTheLastSaysEnd() throws {
    let steps = try Checkout.lines("Fixtures/golden/k_repeat_vector/steps.jsonl")
      .map { try Step($0) }
    let running = try RunningPipeline(
      PipelineText(
        tokenizer: "{ kind: values }", model: "Fixtures/golden/k_repeat_vector/model.keras"))
    let client = try running.client(.friendly)
    let inputs = InputData.values(steps.filter { !$0.isRow }.map(\.x))
    let answers = try client.carryOut(Cut.whole(inputs, of: "a"))["a"] ?? []
    let lines = try answers.map { try OutputLine($0.text) }
    #expect(lines.map(\.number) == [0, 1, 2, 3])
    #expect(lines.map(\.isEnd) == [false, false, false, true])
    #expect(answers.map(\.isLast) == [false, false, false, true])
  }
}
