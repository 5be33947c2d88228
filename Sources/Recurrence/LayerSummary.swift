/// One line of a table of a model's layers.
package struct LayerSummary: Sendable, Equatable {
  package let index: Int
  package let name: String
  /// The Keras class name.
  package let kindName: String
  /// Values a step gives.
  package let outputWidth: Int
  package let parameterCount: Int
}
