import Millrace
import ModelFiles
import Recurrence
import Tokenization

/// The pipeline of a run: a small GRU with random weights behind one of three kinds of input.
struct SimulatedModel {
  let model: Model
  let encoding: InputEncoding
  let format: AnswerFormat
  private let loaded: LoadedModel

  private static let vocabulary = 12
  private static let rowWidth = 2
  private static let words = ["a", "b", "ab", "c", "é", "가", "나다", "aa", "ba", "나"]

  init(_ setup: Setup) throws {
    var chance = Chance(seed: setup.seed ^ 0x5eed)
    let units = 4
    func matrix(_ rows: Int, _ columns: Int) -> Matrix {
      Matrix(
        rows: rows, columns: columns,
        values: (0..<rows * columns).map { _ in chance.float(limit: 0.9) })
    }
    var layers: [Layer] = []
    let input: ModelInput
    switch setup.input {
    case .ids, .words:
      input = .tokens(vocabulary: Self.vocabulary)
      layers = [
        .embedding(
          Embedding(name: "embedding", embeddings: matrix(Self.vocabulary, 3), maskZero: false))
      ]
    case .values: input = .vectors(width: Self.rowWidth)
    }
    let width = setup.input == .values ? Self.rowWidth : 3
    layers += [
      .gru(
        GRUCell(
          name: "gru", units: units, kernel: matrix(width, 3 * units),
          recurrentKernel: matrix(units, 3 * units), bias: matrix(2, 3 * units),
          activation: .tanh, recurrentActivation: .sigmoid, resetAfter: true,
          returnSequences: true, zeroOutputForMask: false)),
      .dense(Dense(name: "dense", kernel: matrix(units, 2), bias: nil, activation: .linear)),
    ]
    model = try Model(layers: layers, input: input, name: "simulated")
    loaded = LoadedModel(
      model: model, sha256: Array(repeating: 7, count: 32), format: "simulated",
      kerasVersion: nil, path: "simulated")
    switch setup.input {
    case .ids: encoding = .ids(bound: Int32(Self.vocabulary))
    case .values: encoding = .values(try ValueFeatures(outputWidth: Self.rowWidth))
    case .words:
      encoding = .text(
        TextTokenizer(
          vocabulary: try Vocabulary(tokens: Self.words, firstID: 2),
          kind: .words(lowercase: false, filters: [], removed: [], split: .space),
          unknown: .id(1), startToken: 0, replacesInvalid: true))
    }
    var tokenText: (@Sendable (Int32) -> String)?
    if setup.input == .words { tokenText = { id in String(id) } }
    format = AnswerFormat(labels: [], top: 1, showsValues: true, tokenText: tokenText)
  }

  /// The pipeline with its output in a file.
  func pipeline(_ setup: Setup, output: String, store: String) throws -> Pipeline {
    var text = "model: simulated\n"
    if setup.durability != "none" {
      let park = setup.parkMilliseconds.map { ", park-after: \($0)ms" } ?? ""
      text +=
        "state: { store: \(store), durability: \(setup.durability), "
        + "checkpoint: \(setup.checkpointMilliseconds)ms\(park) }\n"
    }
    var file = try PipelineFile(text: text, path: "/simulated/pipeline.yaml")
    file.inference.workers = setup.workers
    file.inference.batch = setup.batch
    file.liveStreams = setup.liveStreams
    file.sink.file = output
    file.emit = setup.emission
    return Pipeline(file: file, model: loaded, encoding: encoding, format: format)
  }

  // MARK: Elements

  /// The row that an element stands for.
  static func row(_ element: Int) -> [Float] {
    element < 0
      ? [.nan, 0] : [Float(element) / 64 - 0.75, Float((element * 7) % 13) / 8 - 0.5]
  }

  /// Bytes of elements as a client sends them.
  static func payload(_ elements: ArraySlice<Int>, of input: Setup.InputKind) -> [UInt8] {
    switch input {
    case .words: elements.map { UInt8($0) }
    case .ids:
      elements.flatMap { element in
        let id = Int32(element < 0 ? vocabulary + 5 : element)
        return withUnsafeBytes(of: id.littleEndian) { Array($0) }
      }
    case .values:
      elements.flatMap { element in
        row(element).flatMap { value in
          withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
        }
      }
    }
  }
}

extension Setup {
  var emission: Emission {
    switch emitEvery {
    case 0: .atEnd
    case 1: .eachStep
    default: .every(emitEvery)
    }
  }
}
