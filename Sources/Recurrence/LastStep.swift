/// Takes the last row of a sequence: what `x[:, -1]` is in PyTorch and ONNX.
///
/// A step's row passes unchanged: it is the last one of the steps so far.
package struct LastStep: Sendable {
  package let name: String

  package init(name: String) { self.name = name }
}
