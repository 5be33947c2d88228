import Testing

@testable import Recurrence

/// The fast kernels against the plain layers, bit for bit, on every instruction set of this machine.
///
/// One at a time, because the choice of an instruction set is the process's.
@Suite(.serialized) struct KernelTests {
  static let kernels = StepKernels.names.filter { StepKernels.isAvailable($0) }

  /// A model made for one instruction set.
  private func model(
    _ kernels: String, _ precision: Precision, _ layers: [Layer], _ input: ModelInput
  ) throws -> Model {
    let before = StepKernels.name
    #expect(StepKernels.choose(kernels))
    defer { #expect(StepKernels.choose(before)) }
    let model = try Model(layers: layers, input: input, name: "kernels", precision: precision)
    #expect(model.kernels == kernels)
    return model
  }

  /// Layers of every kind with sizes that fill no vector.
  private static func stacks() -> [(layers: [Layer], input: ModelInput)] {
    var random = RandomLayers(seed: 21)
    return [
      (
        [
          random.batchNormalization(5), random.conv1D(5, 9, size: 3, dilation: 2),
          random.lstm(9, 20), random.layerNormalization(20), random.gru(20, 17),
          random.gru(17, 6, resetAfter: false), random.simpleRNN(6, 33),
          random.dense(33, 4, .softmax),
        ], .vectors(width: 5)
      ),
      (
        [random.embedding(11, 7), random.lstm(7, 65), random.dense(65, 19, .relu)],
        .tokens(vocabulary: 11)
      ),
      (
        [
          random.embedding(11, 16, maskZero: true), random.gru(16, 64),
          random.simpleRNN(64, 48, zeroOutputForMask: true), random.dense(48, 5, .sigmoid),
        ], .tokens(vocabulary: 11)
      ),
      ([random.simpleRNN(6, 130), random.dense(130, 6, .gelu)], .vectors(width: 6)),
      (
        [
          random.lstm(3, 10, .relu, .hardSigmoid), random.gru(10, 9, .softsign, .hardSigmoidKeras2),
          random.simpleRNN(9, 8, .elu(alpha: 0.5)), random.activation(.tanh),
        ], .vectors(width: 3)
      ),
    ]
  }

  /// An input of a step: a token, or a vector.
  private enum Input {
    case token(Int32)
    case vector([Float])
  }

  private func inputs(_ count: Int, _ input: ModelInput, _ random: inout RandomFloats) -> [Input] {
    (0..<count).map { index in
      switch input {
      case .tokens(let vocabulary): .token(Int32(random.below(vocabulary)))
      // Now and then a one-hot vector, as a token.
      case .vectors(let width):
        index % 5 == 0 ? .token(Int32(random.below(width))) : .vector(random.floats(width))
      }
    }
  }

  private func append(_ input: Input, _ state: StreamState, to batch: inout StepBatch) {
    switch input {
    case .token(let token): batch.append(state, token: token)
    case .vector(let values): batch.append(state, row: values)
    }
  }

  /// The answers and the last state of one stream by the plain layers.
  private func plainly(_ model: Model, _ inputs: [Input]) -> (answers: [[Float]], state: [Float]) {
    let state = model.makeState()
    var batch = StepBatch(model: model, capacity: 1)
    let answers = inputs.map { input in
      batch.removeAll()
      append(input, state, to: &batch)
      model.stepPlainly(&batch)
      return Array(batch.output(0))
    }
    return (answers, state.floats)
  }

  @Test(arguments: kernels, 0..<5)
  func everyMixOfStreamsGivesThePlainBits(kernels: String, stack: Int) throws {
    let (layers, input) = Self.stacks()[stack]
    let model = try model(kernels, .f32, layers, input)
    let seed = UInt64.random(in: 0..<(1 << 32))
    var random = RandomFloats(seed: seed)
    let streams = (0..<30).map { _ in inputs(12, input, &random) }
    let states = streams.map { _ in model.makeState() }
    var answers = streams.map { _ in [[Float]]() }
    var batch = StepBatch(model: model, capacity: 90)
    while answers.contains(where: { $0.count < 12 }) {
      batch.removeAll()
      let limit = 1 + random.below(30)
      let open = states.indices.filter { answers[$0].count < 12 && random.below(3) > 0 }
      // Some of them with several steps.
      let most = 1 + random.below(3)
      let chosen = open.prefix(limit).map { index in
        (index: index, steps: min(1 + random.below(most), 12 - answers[index].count))
      }
      for (index, steps) in chosen {
        for step in 0..<steps {
          append(streams[index][answers[index].count + step], states[index], to: &batch)
        }
      }
      model.step(&batch)
      var row = 0
      for (index, steps) in chosen {
        for _ in 0..<steps {
          answers[index].append(Array(batch.output(row)))
          row += 1
        }
      }
    }
    for index in streams.indices {
      let plain = plainly(model, streams[index])
      #expect(bits(answers[index]) == bits(plain.answers), "stream \(index), seed \(seed)")
      #expect(bits([states[index].floats]) == bits([plain.state]), "stream \(index), seed \(seed)")
    }
  }

  @Test(arguments: kernels, 0..<5)
  func manyStepsOfOneStreamGiveThePlainBits(kernels: String, stack: Int) throws {
    let (layers, input) = Self.stacks()[stack]
    let model = try model(kernels, .f32, layers, input)
    let seed = UInt64.random(in: 0..<(1 << 32))
    var random = RandomFloats(seed: seed)
    let steps = inputs(150, input, &random)
    let state = model.makeState()
    var answers: [[Float]] = []
    var batch = StepBatch(model: model, capacity: 60)
    while answers.count < steps.count {
      batch.removeAll()
      let count = min(1 + random.below(60), steps.count - answers.count)
      for input in steps[answers.count..<answers.count + count] {
        append(input, state, to: &batch)
      }
      model.step(&batch)
      for row in 0..<count { answers.append(Array(batch.output(row))) }
    }
    let plain = plainly(model, steps)
    #expect(bits(answers) == bits(plain.answers), "seed \(seed)")
    #expect(bits([state.floats]) == bits([plain.state]), "seed \(seed)")
  }

  // MARK: Number formats

  private static func cells(inputs width: Int) -> [(name: String, layer: Layer)] {
    var random = RandomLayers(seed: 22)
    return [
      ("LSTM", random.lstm(width, 128)), ("GRU", random.gru(width, 128)),
      ("GRU before", random.gru(width, 128, resetAfter: false)),
      ("SimpleRNN", random.simpleRNN(width, 128, gain: 1)),
    ]
  }

  /// Rows of 200 steps, and each cell's h in double precision behind each of them.
  private static let doubles:
    (rows: [[Float]], cells: [(name: String, layer: Layer, h: [[Double]])]) = {
      var random = RandomFloats(seed: 23)
      let rows = (0..<200).map { _ in random.floats(40) }
      return (
        rows,
        cells(inputs: 40).map { name, layer in
          var reference = DoubleCell(layer)
          let h = rows.map { row in
            reference.step(row)
            return reference.h
          }
          return (name, layer, h)
        }
      )
    }()

  /// How far h may be from double precision over 200 steps.
  private static let tolerances: [Precision: Double] = [.f32: 1e-6, .bf16: 2e-2, .int8: 2e-2]

  @Test(arguments: kernels, [Precision.f32, .bf16, .int8])
  func everyCellIsNearDoublePrecision(kernels: String, precision: Precision) throws {
    let tolerance = try #require(Self.tolerances[precision])
    for (name, layer, h) in Self.doubles.cells {
      let model = try model(kernels, precision, [layer], .vectors(width: 40))
      var worst = 0.0
      for (answer, h) in zip(model.answers(to: Self.doubles.rows, state: model.makeState()), h) {
        worst = zip(answer, h).reduce(worst) { max($0, abs(Double($1.0) - $1.1)) }
      }
      #expect(worst <= tolerance, "\(name) \(kernels) \(precision)")
      #expect(precision == .f32 || worst > 1e-5, "\(name) is not computed in \(precision)")
    }
  }

  @Test(arguments: [Precision.int8, .bf16])
  func neitherNeighboursNorInstructionSetsChangeBits(precision: Precision) throws {
    // With the units enough products a sum for the tiles of AMX, and no multiple of any vector.
    let width = 70
    var random = RandomFloats(seed: 24)
    let rows = (0..<50).map { _ in random.floats(width) }
    for (name, layer) in Self.cells(inputs: width) {
      var first: [[UInt32]]?
      for kernels in Self.kernels {
        let model = try model(kernels, precision, [layer], .vectors(width: width))
        let answers = bits(model.answers(to: rows, state: model.makeState()))
        // In bf16 instruction sets may differ.
        if precision == .int8 { #expect(answers == first ?? answers, "\(name) \(kernels)") }
        first = answers
        // And whoever shares the batch, and however many steps come at once.
        let states = (0..<20).map { _ in model.makeState() }
        var batch = StepBatch(model: model, capacity: 50)
        for (index, row) in rows.enumerated() {
          batch.removeAll()
          for (other, state) in states.enumerated() {
            batch.append(state, row: other == 13 ? row : rows[(index + other) % rows.count])
          }
          model.step(&batch)
          #expect(
            bits([Array(batch.output(13))]) == [answers[index]], "\(name) \(kernels) \(index)")
        }
        let state = model.makeState()
        batch.removeAll()
        for row in rows { batch.append(state, row: row) }
        model.step(&batch)
        #expect(rows.indices.map { bits([Array(batch.output($0))])[0] } == answers)
      }
    }
  }

  @Test func aTableTooLargeIsLeftOut() throws {
    var random = RandomLayers(seed: 25)
    let cell = random.lstm(1, 512)
    let rows = StepProgram.tableBytesMax / (4 * 512 * MemoryLayout<Float>.stride)
    for (vocabulary, bytes) in [(rows, StepProgram.tableBytesMax), (rows + 1, 0)] {
      let model = try Model(
        layers: [random.embedding(vocabulary, 1), cell], input: .tokens(vocabulary: vocabulary),
        name: "table")
      #expect(model.tokenTableBytes == bytes)
    }
  }

  @Test func denormalsAreOn() { #expect(!StepKernels.flushesDenormals) }
}
