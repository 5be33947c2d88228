import Durability
import Foundation

/// Whether the model that a store goes on with is the one that the pipeline file names.
struct SwappedModel {
  /// - Returns: nil where no model was swapped in, or the file names it.
  static func finding(
    _ models: [ModelRecord], namedBy file: PipelineFile, hash: String
  ) -> Finding? {
    guard let current = models.last, current.hash != hash else { return nil }
    let found =
      "the store goes on with \(current.path), which was swapped in; the file names \(file.model)"
    guard models.contains(where: { $0.hash == hash }) else {
      return .problem(
        "model", found,
        "write model: \(current.path), or move the store away to begin with no streams")
    }
    guard FileManager.default.fileExists(atPath: current.path) else {
      return .problem("model", "\(found), and \(current.path) is gone", "put that file back")
    }
    return .warning("model", found, "write model: \(current.path) into the file")
  }
}
