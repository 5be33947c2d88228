/// Why a list of layers is no model that can run step by step.
package enum ModelError: Error, Equatable {
  case noLayers
  /// A weight's shape does not fit the layer's options.
  case wrongShape(layer: LayerPlace, tensor: String, expected: [Int], received: [Int])
  /// A weight is infinite or NaN; `index` is its position in row-major order.
  case notFinite(layer: LayerPlace, tensor: String, index: Int, value: String)
  /// A weight that cannot be read from where it is; `reason` goes on after its name.
  case unreadableWeights(layer: LayerPlace, tensor: String, reason: String)
  case badOption(layer: LayerPlace, option: String, expected: String, received: String)
  /// The layer takes rows of another width than it is given.
  case wrongInputWidth(layer: LayerPlace, expected: Int, received: Int)
  /// The model says its input has this many kinds of token, its Embedding has another number.
  case wrongVocabulary(layer: LayerPlace, expected: Int, received: Int)
  /// The model takes token ids, and its first layer is no Embedding.
  case tokensWithoutEmbedding(layer: LayerPlace)
  /// An Embedding that is given rows of numbers instead of token ids.
  case embeddingOfVectors(layer: LayerPlace)
  /// The model says it takes vectors of no width.
  case badInputWidth(received: Int)
  /// The state of one stream would have more floats than any machine has room for.
  case stateTooLarge(layer: LayerPlace, floats: Int)
  /// A mask reaches a layer that cannot pass it over.
  case maskNotSupported(layer: LayerPlace, maskedBy: LayerPlace)
  /// A layer that needs a sequence stands behind one that gives only its last answer.
  case sequenceEnded(layer: LayerPlace, endedBy: LayerPlace)
  /// A RepeatVector that is given a sequence instead of one row.
  case repeatOfSequence(layer: LayerPlace)
  /// A RepeatVector whose row no recurrent layer keeps, or that branches lead to.
  case repeatOfOther(layer: LayerPlace, last: LayerPlace)
  /// A second RepeatVector.
  case repeatedTwice(layer: LayerPlace, first: LayerPlace)
  /// A layer behind RepeatVector that gives only its last answer.
  case decoderReturnsLast(layer: LayerPlace)
  /// A layer that cannot stand behind one that leaves out steps.
  case stepsLeftOut(layer: LayerPlace, leftOutBy: LayerPlace)
  /// A model that leaves out steps, without the layer that repeats its last answer there.
  case noLastAnswer(layer: LayerPlace, leftOutBy: LayerPlace)
  /// Two paths meet whose rows are not of the same steps.
  case joinOfOtherSteps(layer: LayerPlace)
  /// A branch reads a slot before anything is kept in it.
  case emptySlot(layer: LayerPlace, slot: Int)
  /// Branches behind a RepeatVector.
  case branchBehindRepeat(layer: LayerPlace, first: LayerPlace)
  /// `zero_output_for_mask` before RepeatVector: the last answer cannot be told from the state.
  case zeroOutputBeforeRepeat(layer: LayerPlace)
}

extension ModelError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .noLayers: "the model has no layers; expected at least one"
    case .wrongShape(let layer, let tensor, let expected, let received):
      "\(layer): \(tensor) has shape \(received), expected \(expected); "
        + "the weights belong to other layer options"
    case .notFinite(let layer, let tensor, let index, let value):
      "\(layer): \(tensor) holds \(value) at position \(index), expected finite numbers; "
        + "train or export the model again"
    case .unreadableWeights(let layer, let tensor, let reason): "\(layer): \(tensor) \(reason)"
    case .badOption(let layer, let option, let expected, let received):
      "\(layer): \(option) is \(received), expected \(expected)"
    case .wrongInputWidth(let layer, let expected, let received):
      "\(layer): takes \(expected) values a step, received \(received) from what is before it"
    case .wrongVocabulary(let layer, let expected, let received):
      "\(layer): has \(received) rows, expected \(expected), the model's number of tokens"
    case .tokensWithoutEmbedding(let layer):
      "\(layer): the model takes token ids, so its first layer must be an Embedding"
    case .embeddingOfVectors(let layer):
      "\(layer): takes token ids, received rows of numbers; an Embedding can only be first"
    case .badInputWidth(let received):
      "the model's input has \(received) values a step, expected 1 to 2^24"
    case .stateTooLarge(let layer, let floats):
      "\(layer): each stream would need \(floats) floats of state up to here, expected at most "
        + "\(ModelPlan.stateFloatsMax)"
    case .maskNotSupported(let layer, let maskedBy):
      "\(layer): cannot pass over masked steps, and \(maskedBy) masks them; "
        + "remove the mask or put a recurrent layer with return_sequences=false between"
    case .sequenceEnded(let layer, let endedBy):
      "\(layer): needs a sequence, but \(endedBy) has return_sequences=false; "
        + "set it to true or put a RepeatVector between"
    case .repeatOfSequence(let layer):
      "\(layer): takes one row, received a sequence; "
        + "the recurrent layer before it needs return_sequences=false"
    case .repeatOfOther(let layer, let last):
      "\(layer): repeats a row that \(last) does not give alone, which cannot stream; expected a "
        + "recurrent layer with return_sequences=false, and no branches between"
    case .repeatedTwice(let layer, let first):
      "\(layer): a second RepeatVector cannot stream; \(first) is the first, expected only one"
    case .decoderReturnsLast(let layer):
      "\(layer): has return_sequences=false behind a RepeatVector, which cannot stream; "
        + "expected true"
    case .stepsLeftOut(let layer, let leftOutBy):
      "\(layer): cannot stand behind \(leftOutBy), which leaves out steps"
    case .noLastAnswer(let layer, let leftOutBy):
      "\(layer): is last though \(leftOutBy) leaves out steps; expected a LastAnswer behind it"
    case .joinOfOtherSteps(let layer):
      "\(layer): joins rows that are not of the same steps, or not masked alike"
    case .emptySlot(let layer, let slot): "\(layer): nothing is kept in slot \(slot) before it"
    case .branchBehindRepeat(let layer, let first):
      "\(layer): branches behind \(first) are not supported; expected one path"
    case .zeroOutputBeforeRepeat(let layer):
      "\(layer): zero_output_for_mask of a masked input before a RepeatVector cannot stream; "
        + "expected false"
    }
  }
}
