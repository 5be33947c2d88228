import ArgumentParser
import ModelFiles

/// A model file, as every command of `millrace model` takes it.
struct ModelArgument: ParsableArguments {
  @Argument(help: "A .keras, .h5, .safetensors, .onnx or .millrace file.", completion: .file())
  var file: String

  @Option(help: "What the layers of a .safetensors file are; default NAME.layers.json beside it.")
  var layers: String?

  @Option(help: "A folder of ONNX tensors (.pb) for a graph whose weights are its inputs.")
  var weights: String?

  /// As `loadModel`.
  func load(forSteppingOnly: Bool = false) throws -> LoadedModel {
    try loadModel(
      at: file, layers: layers, weights: weights, forSteppingOnly: forSteppingOnly)
  }
}
