/// What `millrace init` is told beside the model.
package struct DraftOptions: Sendable {
  /// A file with one name a line.
  package var labels: String?
  /// A file with one token a line.
  package var vocabulary: String?
  /// A tokenizer's own file, or a kind.
  package var tokenizer: String?
  /// `48x64` or `48x64x3`: height, width and channels of a frame.
  package var frames: String?
  /// Numbers of a row, where the model takes more than a row has.
  package var columns: Int?

  package init(
    labels: String? = nil, vocabulary: String? = nil, tokenizer: String? = nil,
    frames: String? = nil, columns: Int? = nil
  ) {
    self.labels = labels
    self.vocabulary = vocabulary
    self.tokenizer = tokenizer
    self.frames = frames
    self.columns = columns
  }
}
