import Foundation
import Recurrence
import Tokenization

extension PipelineBuilder {
  /// How rows of numbers become the model's vectors.
  ///
  /// - Throws: a `ConfigurationError` at the tokenizer's key.
  func values(for model: Model) throws -> InputEncoding {
    let section = file.tokenizer
    let width = try vectorWidth(of: model)
    let scaling = try scaling(width: width)
    do {
      return .values(
        try ValueFeatures(
          outputWidth: width, scaling: scaling, missing: section.missing, lags: section.lags,
          differences: section.differences, keepsCurrent: section.keepsCurrent,
          beginning: section.beginning, resampling: section.resampling))
    } catch {
      throw file.error(at: "tokenizer", "\(error)")
    }
  }

  /// How images become the model's vectors.
  ///
  /// - Throws: a `ConfigurationError` at the tokenizer's key.
  func frames(for model: Model) throws -> InputEncoding {
    let shape = file.tokenizer.shape
    let width = try vectorWidth(of: model)
    let whole = try ValueScaling(mean: .all(0), scale: .all(255), width: width)
    do {
      return .frames(
        try FrameFeatures(
          height: shape[0], width: shape[1], channels: shape.count == 3 ? shape[2] : 1,
          isGrey: file.tokenizer.isGrey, scaling: try scaling(width: width) ?? whole))
    } catch let error as FrameFeatures.Failure {
      throw file.error(at: "tokenizer", "\(error)")
    }
  }

  private func vectorWidth(of model: Model) throws(ConfigurationError) -> Int {
    guard case .vectors(let width) = model.input else {
      throw file.error(
        at: "tokenizer",
        "is of kind \(file.tokenizer.kind.rawValue), but the model begins with an Embedding and takes "
          + "token ids; use kind: characters, words or ids")
    }
    // A step is not cut: it must fit a message between the stages.
    guard width * 4 <= Limits.messageBytes else {
      throw file.error(
        at: "tokenizer",
        "makes vectors of \(width), expected at most \(Limits.messageBytes / 4), which fit a message"
      )
    }
    return width
  }

  private func scaling(width: Int) throws -> ValueScaling? {
    let section = file.tokenizer
    // Bytes of an image become 0 to 1 unless the file says otherwise.
    let ownScale: ValueScaling.Factor? =
      section.kind == .frames && section.mean != nil ? .all(255) : nil
    return try scaling(
      at: "tokenizer", file: section.scalingFile, mean: section.mean,
      scale: section.scale ?? ownScale, width: width)
  }
}
