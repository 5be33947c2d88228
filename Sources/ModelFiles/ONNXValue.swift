/// What a name of a graph stands for.
enum ONNXValue {
  case constant(ONNXConstant)
  case rows(ONNXRows)
  /// A state that the caller of the graph would carry: zeros for a new stream.
  ///
  /// With the name of the graph's input.
  case carriedState(String)
  /// What is the same for every token id: they are not negative. TensorFlow's exporter wraps ids.
  case flag(Bool)
  /// A part of a layer normalization that is written out.
  case moment(ONNXMoment)
  /// Something that may not be used, and why.
  case refused(String)
}
