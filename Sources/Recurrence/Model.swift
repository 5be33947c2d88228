/// An immutable list of layers whose shapes fit, ready to run step by step.
///
/// Shared by all streams and all threads. What it remembers of a stream is in a `StreamState`.
package final class Model: Sendable {
  package let name: String
  package let layers: [Layer]
  package let input: ModelInput
  /// Values of each answer.
  package let outputWidth: Int
  package let shape: SequenceShape
  /// Where h, c and past inputs lie in every stream's state.
  package let stateLayout: StateLayout
  package let layerSummaries: [LayerSummary]

  package let precision: Precision

  let plan: ModelPlan
  let program: StepProgram
  let decoderLayout: StateLayout
  /// For each layer, where its state starts in the stream's state, or behind RepeatVector in the
  /// decoder's.
  let stateOffsets: [Int]
  let widestRow: Int
  /// Floats of scratch memory that the plain layers need.
  let scratchCount: Int
  /// Taps of the widest convolution.
  let widestTaps: Int

  /// Checks that the layers fit together.
  ///
  /// - Throws: the first `ModelError` found, from the first layer to the last.
  package init(
    layers: [Layer], input: ModelInput, name: String, precision: Precision = .f32
  ) throws(ModelError) {
    let plan = try ModelPlan(layers: layers, input: input)
    self.name = name
    self.layers = layers
    self.input = input
    self.precision = precision
    self.plan = plan
    outputWidth = plan.outputWidths.last ?? 0
    shape = plan.shape
    let streaming = plan.streaming
    let decoding = plan.decoding
    stateLayout = StateLayout(layers: layers, outputWidths: plan.outputWidths, range: streaming)
    decoderLayout = StateLayout(layers: layers, outputWidths: plan.outputWidths, range: decoding)
    let own = stateLayout.offsets(layerCount: layers.count)
    let decoder = decoderLayout.offsets(layerCount: layers.count)
    stateOffsets = layers.indices.map { decoding.contains($0) ? decoder[$0] : own[$0] }
    widestRow = max(plan.inputWidth, plan.outputWidths.max() ?? 0)
    scratchCount = layers.map(\.scratchCount).max() ?? 0
    widestTaps =
      layers.map { if case .conv1D(let layer) = $0 { layer.kernelSize } else { 0 } }
      .max() ?? 0
    program = try StepProgram(
      layers: layers, plan: plan, stateOffsets: stateOffsets, precision: precision)
    layerSummaries = zip(layers, plan.outputWidths).enumerated().map { index, pair in
      LayerSummary(
        index: index, name: pair.0.name, kindName: pair.0.kindName, outputWidth: pair.1,
        parameterCount: pair.0.parameterCount)
    }
  }

  /// About how many multiply-adds a step takes: all weights but those that tokens are looked up in.
  package var productsAStep: Int {
    layers.reduce(0) { sum, layer in
      if case .embedding = layer { sum } else { sum + layer.parameterCount }
    }
  }

  /// How many weights the model has.
  package var parameterCount: Int { layerSummaries.reduce(0) { $0 + $1.parameterCount } }

  /// Bytes of the precomputed products of the first weights with every token; 0 without.
  package var tokenTableBytes: Int { program.tableBytes }

  /// The instruction set of the step kernels: see `StepKernels.names`.
  package var kernels: String { program.kernels }

  /// Whether each answer is a softmax: numbers from 0 to 1 whose sum is 1.
  package var outputIsDistribution: Bool {
    for layer in layers.reversed() {
      switch layer {
      case .repeatVector, .lastStep, .lastAnswer, .stepSelection: continue
      case .branch(let branch) where !branch.isJoin: continue
      default: return layer.lastActivation == .softmax
      }
    }
    return false
  }

  /// The state of a new stream: all zeros.
  package func makeState() -> StreamState { StreamState(layout: stateLayout) }
}
