import Tokenization

/// `output`: the scaling of the targets that a model was trained on.
package struct OutputSection: Sendable, Equatable {
  package var mean: ValueScaling.Factor?
  package var scale: ValueScaling.Factor?
  /// A JSON file with `mean` and `std`.
  package var scalingFile: String?

  static let keys = ["mean", "scale", "scaling"]

  init(_ section: YAMLSection, resolve: (String) -> String) throws(ConfigurationError) {
    mean = try TokenizerSection.factor(section, "mean")
    scale = try TokenizerSection.factor(section, "scale")
    scalingFile = try section.text("scaling").map(resolve)
    if scalingFile != nil, mean != nil || scale != nil {
      throw section.error("scaling", "names a file, and mean or scale is given too; keep one")
    }
    if scalingFile == nil, mean == nil, scale == nil {
      throw section.error("mean", "is missing; expected mean and scale, or scaling: FILE")
    }
  }
}
