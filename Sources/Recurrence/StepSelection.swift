/// Lets some steps of a sequence through and leaves the others out, as strides and windows do.
///
/// The first `skipped` steps give no row, then every `every`th step does. What comes behind stands
/// still at a step that is left out, so that each answer is the one for the steps so far. Its state
/// is how many steps it has let pass by since the last row.
package struct StepSelection: Sendable {
  package let name: String
  package let skipped: Int
  package let every: Int

  package init(name: String, skipped: Int, every: Int) {
    self.name = name
    self.skipped = skipped
    self.every = every
  }

  /// Whether this step gives a row; `waited` is the state, one value.
  package func selects(_ waited: UnsafeMutablePointer<Float>) -> Bool {
    if waited[0] >= Float(skipped) {
      waited[0] = Float(skipped - every + 1)
      return true
    }
    waited[0] += 1
    return false
  }

  var options: [LayerOption] {
    [
      LayerOption(
        name: "skipped", expected: "0 to 2^24", received: "\(skipped)",
        isSound: (0...1 << 24).contains(skipped)),
      LayerOption(
        name: "strides", expected: "1 to 2^24", received: "\(every)",
        isSound: (1...1 << 24).contains(every)),
    ]
  }
}
