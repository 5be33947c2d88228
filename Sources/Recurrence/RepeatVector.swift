/// Keras' `RepeatVector`: the one answer of the layers before it, `count` times, as a new sequence.
package struct RepeatVector: Sendable {
  package let name: String
  package let count: Int

  package init(name: String, count: Int) {
    self.name = name
    self.count = count
  }

  var options: [LayerOption] { [.steps("n", count)] }
}
