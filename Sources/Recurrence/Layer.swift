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
    }
  }

  /// Values a step takes in; nil if the layer takes rows of any width, or (Embedding) token ids.
  package var inputWidth: Int? {
    switch self {
    case .embedding, .masking, .activation, .repeatVector, .lastStep: nil
    case .simpleRNN(let cell): cell.inputWidth
    case .gru(let cell): cell.inputWidth
    case .lstm(let cell): cell.inputWidth
    case .dense(let layer): layer.inputWidth
    case .batchNormalization(let layer): layer.width
    case .layerNormalization(let layer): layer.width
    case .conv1D(let layer): layer.inputWidth
    case .extendedLSTM(let cell): cell.inputWidth
    }
  }

  /// Values a step gives; nil if as many as it takes in.
  package var outputWidth: Int? {
    switch self {
    case .masking, .activation, .repeatVector, .lastStep: nil
    case .embedding(let layer): layer.width
    case .simpleRNN(let cell): cell.units
    case .gru(let cell): cell.units
    case .lstm(let cell): cell.units
    case .dense(let layer): layer.units
    case .batchNormalization(let layer): layer.width
    case .layerNormalization(let layer): layer.width
    case .conv1D(let layer): layer.filters
    case .extendedLSTM(let cell): cell.outputWidth
    }
  }

  /// How many weights the layer has, moving statistics included (as Keras counts).
  package var parameterCount: Int { tensors.reduce(0) { $0 + $1.values.count } }
}

extension Layer {
  /// The weights as they were given.
  var tensors: [LayerTensor] {
    switch self {
    case .masking, .activation, .repeatVector, .lastStep: []
    case .embedding(let layer): layer.tensors
    case .simpleRNN(let cell): cell.tensors
    case .gru(let cell): cell.tensors
    case .lstm(let cell): cell.tensors
    case .dense(let layer): layer.tensors
    case .batchNormalization(let layer): layer.tensors
    case .layerNormalization(let layer): layer.tensors
    case .conv1D(let layer): layer.tensors
    case .extendedLSTM(let cell): cell.tensors
    }
  }

  /// The options that can be out of range.
  var options: [LayerOption] {
    switch self {
    case .activation, .lastStep: []
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
    }
  }

  /// Whether masked steps are answered by the layer, and how; nil for a layer without recurrence.
  var recurrence: (returnSequences: Bool, zeroOutputForMask: Bool)? {
    switch self {
    case .simpleRNN(let cell): (cell.returnSequences, cell.zeroOutputForMask)
    case .gru(let cell): (cell.returnSequences, cell.zeroOutputForMask)
    case .lstm(let cell): (cell.returnSequences, cell.zeroOutputForMask)
    case .extendedLSTM(let cell): (cell.returnSequences, false)
    default: nil
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
  var stateRows: [(kind: StateRow.Kind, width: Int)] {
    switch self {
    case .simpleRNN(let cell): [(.h, cell.units)]
    case .gru(let cell): [(.h, cell.units)]
    case .lstm(let cell): [(.h, cell.units), (.c, cell.units)]
    case .extendedLSTM(let cell): [(.h, cell.outputWidth), (.c, cell.units)]
    case .conv1D(let layer):
      (0..<layer.pastCount).map { (.past(stepsAgo: layer.pastCount - $0), layer.inputWidth) }
    default: []
    }
  }
}
