import CRecurrentKernels
import CStepLoops
import Recurrence

/// The same job as `step_loop`, through the Swift API that the daemon uses: every call fills a
/// `StepBatch`, steps the model and reads the answers.
final class SwiftLoop {
  private let job: loop_job
  private let model: Model
  private let states: [StreamState]
  /// The same ones: taking one out of an array would count a reference.
  private let places: [Unmanaged<StreamState>]
  private let inputs: [Float]
  private var batch: StepBatch
  private var draws: UInt64 = 88_172_645
  /// The answer of the last call, read so that it has to be there.
  private var seen: Float = 0

  init(_ job: loop_job) throws {
    self.job = job
    let units = Int(job.units)
    let layers = (0..<Int(job.layers)).map { Self.layer($0, job) }
    let rows = Int(max(job.steps, job.streams))
    if job.tokens > 0 {
      let vocabulary = Int(job.tokens)
      let values = Self.filled(vocabulary * units) { loop_embeddings(job.units, job.tokens, $0) }
      let embedding = Embedding(
        name: "embedding", embeddings: Matrix(rows: vocabulary, columns: units, values: values),
        maskZero: false)
      model = try Model(
        layers: [.embedding(embedding)] + layers, input: .tokens(vocabulary: vocabulary),
        name: "loop", precision: Self.precision(job))
    } else {
      model = try Model(
        layers: layers, input: .vectors(width: units), name: "loop", precision: Self.precision(job))
    }
    inputs = Self.filled(rows * units) { loop_inputs(job.units, Int32(rows), $0) }
    let model = model
    states = (0..<Int(job.streams)).map { _ in model.makeState() }
    places = states.map { .passUnretained($0) }
    batch = StepBatch(model: model, capacity: rows)
  }

  /// Calls `times` times; the seconds of processor time they took.
  func run(_ times: Int) -> Double {
    let start = loop_seconds()
    inputs.withUnsafeBufferPointer { inputs in
      for _ in 0..<times { call(inputs) }
    }
    return loop_seconds() - start
  }

  private func call(_ inputs: UnsafeBufferPointer<Float>) {
    let units = Int(job.units)
    let isOneStream = job.steps > 1
    batch.removeAll()
    for row in 0..<Int(isOneStream ? job.steps : job.streams) {
      places[isOneStream ? 0 : row]._withUnsafeGuaranteedRef { state in
        if job.tokens > 0 {
          batch.append(state, token: Int32(loop_draw(&draws) % UInt32(job.tokens)))
        } else {
          batch.append(state, vector: inputs.extracting(row &* units..<(row &+ 1) &* units))
        }
      }
    }
    model.step(&batch)
    for row in 0..<batch.count { seen = batch.output(row)[0] }
  }

  /// The last layer's h of a stream.
  func copyAnswer(_ stream: Int, to target: UnsafeMutablePointer<Float>) {
    let row = job.steps > 1 ? Int(job.steps) - 1 : stream
    let output = batch.output(row)
    for index in output.indices { target[index] = output[index] }
  }

  // MARK: The model

  private static func precision(_ job: loop_job) -> Precision {
    switch mr_format(rawValue: UInt32(job.format)) {
    case MR_BF16: .bf16
    case MR_INT8: .int8
    default: .f32
    }
  }

  private static func filled(_ count: Int, _ fill: (UnsafeMutablePointer<Float>?) -> Void)
    -> [Float]
  {
    [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      fill(buffer.baseAddress)
      initialized = count
    }
  }

  private static func layer(_ index: Int, _ job: loop_job) -> Layer {
    let units = Int(job.units)
    let count = loop_weights(job.kind, Int32(index), job.units, nil)
    let values = filled(count) { loop_weights(job.kind, Int32(index), job.units, $0) }
    let kind = mr_kind(rawValue: UInt32(job.kind))
    let gates = kind == MR_LSTM ? 4 : kind == MR_SIMPLE_RNN ? 1 : 3
    let columns = gates * units
    let size = units * columns
    let kernel = Matrix(rows: units, columns: columns, values: Array(values[..<size]))
    let recurrent = Matrix(rows: units, columns: columns, values: Array(values[size..<2 * size]))
    let bias = Array(values[(2 * size)...])
    let name = "layer \(index)"
    switch kind {
    case MR_LSTM:
      return .lstm(
        LSTMCell(
          name: name, units: units, kernel: kernel, recurrentKernel: recurrent, bias: bias,
          activation: .tanh, recurrentActivation: .sigmoid, returnSequences: true,
          zeroOutputForMask: false))
    case MR_SIMPLE_RNN:
      return .simpleRNN(
        SimpleRNNCell(
          name: name, units: units, kernel: kernel, recurrentKernel: recurrent, bias: bias,
          activation: .tanh, returnSequences: true, zeroOutputForMask: false))
    default:
      let rows = bias.count / columns
      return .gru(
        GRUCell(
          name: name, units: units, kernel: kernel, recurrentKernel: recurrent,
          bias: Matrix(rows: rows, columns: columns, values: bias), activation: .tanh,
          recurrentActivation: .sigmoid, resetAfter: rows == 2, returnSequences: true,
          zeroOutputForMask: false))
    }
  }
}
