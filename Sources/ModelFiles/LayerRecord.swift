import Recurrence

/// A layer as a `.millrace` file names it: its kind and options; the weights are tensors beside it.
///
/// Options that a kind does not have are left out.
struct LayerRecord: Codable {
  var kind: String
  var name: String
  var units: Int?
  var activation: Activation?
  var recurrentActivation: Activation?
  var cellActivation: Activation?
  var returnSequences: Bool?
  var zeroOutputForMask: Bool?
  var resetAfter: Bool?
  var maskZero: Bool?
  var maskValue: Float?
  var epsilon: Float?
  var kernelSize: Int?
  var dilation: Int?
  var count: Int?
  var width: Int?
  var size: Int?
  var pooling: Pooling1D.Kind?
  var branch: Branch.Kind?
  var skipped: Int?
  var every: Int?

  init(_ kind: String, _ name: String) {
    self.kind = kind
    self.name = name
  }
}

/// What a `.millrace` file says of its model: the metadata entry `model`.
struct ModelRecord: Codable {
  /// Of this form; a reader refuses others.
  ///
  /// 2: a checksum for each block of a tensor. 3: a decoder beside the model; only such files are of
  /// this version, so that what knows no decoders does not take an encoder for the whole.
  static let versions = 2...3

  var version: Int
  var name: String
  var input: ModelInput
  var layers: [LayerRecord]
  /// The tokens, where the model knows them itself.
  var vocabulary: ModelVocabulary?
  /// What goes on from the model's last state.
  var decoder: Part?
  /// The file that it was converted from.
  var source: Source

  /// The version that a file of this content has.
  var lowestVersion: Int {
    decoder == nil ? Self.versions.lowerBound : Self.versions.upperBound
  }

  struct Part: Codable {
    var name: String
    var input: ModelInput
    var layers: [LayerRecord]
  }

  struct Source: Codable {
    var format: String
    var sha256: String
    var kerasVersion: String?
    /// As `LoadedModel.conversions`.
    var conversions: [String]?
  }
}
