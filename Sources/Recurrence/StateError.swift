/// Why floats cannot become a stream's state.
package enum StateError: Error, Equatable, CustomStringConvertible {
  /// The state is of another model.
  case wrongCount(expected: Int, received: Int)

  package var description: String {
    switch self {
    case .wrongCount(let expected, let received):
      "the state has \(received) floats, expected \(expected); it belongs to another model"
    }
  }
}
