/// The closed list of layers that can run step by step.
package enum Layer: Sendable {
  case embedding(Embedding)
  case masking(Masking)
  case simpleRNN(SimpleRNNCell)
  case gru(GRUCell)
  case lstm(LSTMCell)
  case dense(Dense)
  case activation(ActivationLayer)
  case batchNormalization(BatchNormalization)
  case layerNormalization(LayerNormalization)
  case conv1D(Conv1D)
  case repeatVector(RepeatVector)
  case extendedLSTM(ExtendedLSTMCell)
  case lastStep(LastStep)
  case branch(Branch)
  case scaling(Scaling)
  case normalization(Normalization)
  case rmsNormalization(RMSNormalization)
  case pooling1D(Pooling1D)
  case globalPooling1D(GlobalPooling1D)
  case stepSelection(StepSelection)
  case lastAnswer(LastAnswer)
  case startingState(StartingState)

  /// The layer's own name in its model file.
  package var name: String {
    switch self {
    case .embedding(let layer): layer.name
    case .masking(let layer): layer.name
    case .simpleRNN(let cell): cell.name
    case .gru(let cell): cell.name
    case .lstm(let cell): cell.name
    case .dense(let layer): layer.name
    case .activation(let layer): layer.name
    case .batchNormalization(let layer): layer.name
    case .layerNormalization(let layer): layer.name
    case .conv1D(let layer): layer.name
    case .repeatVector(let layer): layer.name
    case .extendedLSTM(let cell): cell.name
    case .lastStep(let layer): layer.name
    case .branch(let branch): branch.name
    case .scaling(let layer): layer.name
    case .normalization(let layer): layer.name
    case .rmsNormalization(let layer): layer.name
    case .pooling1D(let layer): layer.name
    case .globalPooling1D(let layer): layer.name
    case .stepSelection(let layer): layer.name
    case .lastAnswer(let layer): layer.name
    case .startingState(let layer): layer.name
    }
  }

  /// The Keras class name.
  package var kindName: String {
    switch self {
    case .embedding: "Embedding"
    case .masking: "Masking"
    case .simpleRNN: "SimpleRNN"
    case .gru: "GRU"
    case .lstm: "LSTM"
    case .dense: "Dense"
    case .activation: "Activation"
    case .batchNormalization: "BatchNormalization"
    case .layerNormalization: "LayerNormalization"
    case .conv1D: "Conv1D"
    case .repeatVector: "RepeatVector"
    case .extendedLSTM: "LSTM"
    case .lastStep: "LastStep"
    case .branch(let branch): branch.kindName
    case .scaling: "Rescaling"
    case .normalization: "Normalization"
    case .rmsNormalization: "RMSNormalization"
    case .pooling1D(let layer): layer.kind == .maximum ? "MaxPooling1D" : "AveragePooling1D"
    case .globalPooling1D(let layer):
      layer.kind == .maximum ? "GlobalMaxPooling1D" : "GlobalAveragePooling1D"
    case .stepSelection: "StepSelection"
    case .lastAnswer: "LastAnswer"
    case .startingState: "StartingState"
    }
  }

  /// Values a step takes in; nil if the layer takes rows of any width, or (Embedding) token ids.
  package var inputWidth: Int? {
    switch self {
    case .embedding, .masking, .activation, .repeatVector, .lastStep, .branch, .stepSelection,
      .lastAnswer, .startingState:
      nil
    case .simpleRNN(let cell): cell.inputWidth
    case .gru(let cell): cell.inputWidth
    case .lstm(let cell): cell.inputWidth
    case .dense(let layer): layer.inputWidth
    case .batchNormalization(let layer): layer.width
    case .layerNormalization(let layer): layer.width
    case .conv1D(let layer): layer.inputWidth
    case .extendedLSTM(let cell): cell.inputWidth
    case .scaling(let layer): layer.width
    case .normalization(let layer): layer.width
    case .rmsNormalization(let layer): layer.width
    case .pooling1D(let layer): layer.width
    case .globalPooling1D(let layer): layer.width
    }
  }

  /// Values a step gives; nil if as many as it takes in.
  package var outputWidth: Int? {
    switch self {
    case .masking, .activation, .repeatVector, .lastStep, .branch, .stepSelection, .lastAnswer,
      .startingState:
      nil
    case .embedding(let layer): layer.width
    case .simpleRNN(let cell): cell.units
    case .gru(let cell): cell.units
    case .lstm(let cell): cell.units
    case .dense(let layer): layer.units
    case .batchNormalization(let layer): layer.width
    case .layerNormalization(let layer): layer.width
    case .conv1D(let layer): layer.filters
    case .extendedLSTM(let cell): cell.outputWidth
    case .scaling(let layer): layer.width
    case .normalization(let layer): layer.width
    case .rmsNormalization(let layer): layer.width
    case .pooling1D(let layer): layer.width
    case .globalPooling1D(let layer): layer.width
    }
  }

  /// Whether it keeps, recalls or joins rows of several paths.
  var isBranch: Bool { if case .branch = self { true } else { false } }

  /// How many weights the layer has, moving statistics included (as Keras counts).
  package var parameterCount: Int { tensors.reduce(0) { $0 + $1.count } }
}

extension Layer {
  /// The weights as they were given.
  var tensors: [LayerTensor] {
    switch self {
    case .masking, .activation, .repeatVector, .lastStep, .branch, .pooling1D, .globalPooling1D,
      .stepSelection, .lastAnswer:
      []
    case .embedding(let layer): layer.tensors
    case .simpleRNN(let cell): cell.tensors
    case .gru(let cell): cell.tensors
    case .lstm(let cell): cell.tensors
    case .dense(let layer): layer.tensors
    case .batchNormalization(let layer): layer.tensors
    case .layerNormalization(let layer): layer.tensors
    case .conv1D(let layer): layer.tensors
    case .extendedLSTM(let cell): cell.tensors
    case .scaling(let layer): layer.tensors
    case .normalization(let layer): layer.tensors
    case .rmsNormalization(let layer): layer.tensors
    case .startingState(let layer): layer.tensors
    }
  }

  /// The options that can be out of range.
  var options: [LayerOption] {
    switch self {
    case .activation, .lastStep, .lastAnswer, .startingState: []
    case .embedding(let layer): layer.options
    case .masking(let layer): layer.options
    case .simpleRNN(let cell): cell.options
    case .gru(let cell): cell.options
    case .lstm(let cell): cell.options
    case .dense(let layer): layer.options
    case .batchNormalization(let layer): layer.options
    case .layerNormalization(let layer): layer.options
    case .conv1D(let layer): layer.options
    case .repeatVector(let layer): layer.options
    case .extendedLSTM(let cell): cell.options
    case .branch(let branch): branch.options
    case .scaling(let layer): layer.options
    case .normalization(let layer): layer.options
    case .rmsNormalization(let layer): layer.options
    case .pooling1D(let layer): layer.options
    case .globalPooling1D(let layer): layer.options
    case .stepSelection(let layer): layer.options
    }
  }

  /// Whether masked steps are answered by the layer, and how; nil for a layer without recurrence.
  package var recurrence: (returnSequences: Bool, zeroOutputForMask: Bool)? {
    switch self {
    case .simpleRNN(let cell): (cell.returnSequences, cell.zeroOutputForMask)
    case .gru(let cell): (cell.returnSequences, cell.zeroOutputForMask)
    case .lstm(let cell): (cell.returnSequences, cell.zeroOutputForMask)
    case .extendedLSTM(let cell): (cell.returnSequences, false)
    default: nil
    }
  }

  /// Whether the layer stands still at a step that is left out, and gives nothing.
  var waitsForRows: Bool {
    switch self {
    case .conv1D, .pooling1D, .stepSelection: true
    default: false
    }
  }

  /// The function that makes the layer's output; nil if it is not one of `Activation`'s.
  var lastActivation: Activation? {
    switch self {
    case .dense(let layer): layer.activation
    case .activation(let layer): layer.activation
    case .conv1D(let layer): layer.activation
    case .simpleRNN(let cell): cell.activation
    default: nil
    }
  }

  /// Floats of scratch memory that one step needs.
  var scratchCount: Int {
    switch self {
    case .simpleRNN(let cell): cell.scratchCount
    case .gru(let cell): cell.scratchCount
    case .lstm(let cell): cell.scratchCount
    case .extendedLSTM(let cell): cell.scratchCount
    default: 0
    }
  }

  /// The rows of state that one stream needs, as (kind, width).
  func stateRows(outputWidth: Int) -> [(kind: StateRow.Kind, width: Int)] {
    switch self {
    case .simpleRNN(let cell): [(.h, cell.units)]
    case .gru(let cell): [(.h, cell.units)]
    case .lstm(let cell): [(.h, cell.units), (.c, cell.units)]
    case .extendedLSTM(let cell): [(.h, cell.outputWidth), (.c, cell.units)]
    case .conv1D(let layer):
      (0..<layer.pastCount).map { (.past(stepsAgo: layer.pastCount - $0), layer.inputWidth) }
    case .pooling1D(let layer):
      (0..<layer.size - 1).map { (.past(stepsAgo: layer.size - 1 - $0), layer.width) }
    case .globalPooling1D(let layer):
      [(.value("total"), layer.width), (.value("rounded"), layer.width), (.value("count"), 2)]
    case .stepSelection: [(.value("waited"), 1)]
    case .startingState: [(.value(StartingState.doneName), 1)]
    case .lastAnswer: [(.value("last"), outputWidth), (.value("is_there"), 1)]
    default: []
    }
  }
}

extension Layer {
  /// The tensors whose values `StepProgram` checks while it packs them.
  var packedTensors: [String] {
    switch self {
    case .simpleRNN, .gru, .lstm: ["kernel", "recurrent_kernel"]
    case .dense: ["kernel"]
    default: []
    }
  }
}
