/// Images of bytes as rows of features: row by row, pixel by pixel, channel by channel, as Keras'
/// `Flatten` lays them out; grey where that is asked for; then scaled.
package struct FrameFeatures: Sendable, Equatable {
  package enum Failure: Error, Equatable, CustomStringConvertible {
    case greyNeedsColours(channels: Int)
    case wrongWidth(received: Int, expected: Int)

    package var description: String {
      switch self {
      case .greyNeedsColours(let channels):
        "makes grey of \(channels) channels, expected 3 (red, green, blue)"
      case .wrongWidth(let received, let expected):
        "makes \(received) features of a frame, but the model takes \(expected)"
      }
    }
  }

  package let height: Int
  package let width: Int
  package let channels: Int
  package let isGrey: Bool
  package let scaling: ValueScaling

  /// - Throws: a `Failure` where the features are not those of the model.
  package init(
    height: Int, width: Int, channels: Int, isGrey: Bool, scaling: ValueScaling
  ) throws(Failure) {
    if isGrey, channels != 3 { throw .greyNeedsColours(channels: channels) }
    self.height = height
    self.width = width
    self.channels = channels
    self.isGrey = isGrey
    self.scaling = scaling
    guard outputWidth == scaling.mean.count else {
      throw .wrongWidth(received: outputWidth, expected: scaling.mean.count)
    }
  }

  /// Values of a frame as it comes.
  package var inputWidth: Int { height * width * channels }
  /// Values of a step.
  package var outputWidth: Int { height * width * (isGrey ? 1 : channels) }

  /// Appends the features of whole frames.
  ///
  /// Grey is 0.2989 red + 0.587 green + 0.114 blue, as in `keras.ops.image.rgb_to_grayscale`.
  package func append(_ pixels: [Float], to steps: inout [Float]) {
    var output: [Float] = pixels
    if isGrey {
      output = stride(from: 0, to: pixels.count, by: 3).map {
        pixels[$0] * 0.2989 + pixels[$0 + 1] * 0.587 + pixels[$0 + 2] * 0.114
      }
    }
    scaling.apply(to: &output)
    steps += output
  }
}
