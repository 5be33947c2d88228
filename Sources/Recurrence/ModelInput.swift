/// What one step of a model takes.
package enum ModelInput: Sendable, Equatable, Codable {
  /// A token id in `0..<vocabulary`.
  case tokens(vocabulary: Int)
  /// `width` numbers. A token id in `0..<width` is taken as its one-hot row.
  case vectors(width: Int)
}
