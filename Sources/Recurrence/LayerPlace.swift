/// Which layer of a model an error is about.
package struct LayerPlace: Sendable, Equatable, CustomStringConvertible {
  /// Position in the model, from 0.
  package let index: Int
  package let name: String
  /// The Keras class name.
  package let kindName: String

  package init(index: Int, name: String, kindName: String) {
    self.index = index
    self.name = name
    self.kindName = kindName
  }

  package var description: String { "layer \(index) '\(name)' (\(kindName))" }
}
