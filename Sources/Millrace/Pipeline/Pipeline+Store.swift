import Durability
import Foundation

/// What a crash leaves: `state: { store: FILE }`.
extension Pipeline {
  /// Opens the store that the file names; nil where state is in memory only.
  ///
  /// Stages in processes of their own have a store each: `NAME.STAGE.sqlite` for `NAME.sqlite`.
  ///
  /// - Throws: a `StoreError`.
  package func openStore(of stage: StageName?) throws(StoreError) -> StateStore? {
    guard let section = file.store else { return nil }
    return try StateStore(
      path: section.path(of: stage), durability: section.durability, owner: storeOwner,
      replacing: section.takesOtherKernels ? ["kernels"] : [])
  }

  /// What the state belongs to: another model, precision or tokenizer cannot go on with it.
  private var storeOwner: [String: String] {
    [
      "model": model.hashText, "precision": file.precision.rawValue,
      "tokenizer": tokenizerFingerprint,
    ]
  }

  /// What a checkpoint file belongs to.
  var checkpointOwner: CheckpointFile.Owner {
    CheckpointFile.Owner(
      model: model.hashText, precision: file.precision.rawValue,
      tokenizer: tokenizerFingerprint, kernels: "\(model.model.kernels)")
  }

  /// The kind, and a fingerprint of all that makes its tokens.
  private var tokenizerFingerprint: String {
    var tokenizer = file.tokenizer
    var contents: [UInt8] = []
    // The content counts, wherever the file lies.
    for path in [tokenizer.file, tokenizer.vocabularyFile, tokenizer.scalingFile] {
      guard let path, let data = FileManager.default.contents(atPath: path) else { continue }
      contents += [UInt8](data)
    }
    (tokenizer.file, tokenizer.vocabularyFile, tokenizer.scalingFile) = (nil, nil, nil)
    contents += Array("\(tokenizer)".utf8)
    return "\(file.tokenizer.kind.rawValue):\(StateStore.fingerprint(contents))"
  }
}

extension PipelineFile {
  /// Checks that the state store can be made, or is a file that may be written to.
  ///
  /// - Throws: a `ConfigurationError`.
  package func checkStore() throws(ConfigurationError) {
    guard let path = store?.path else { return }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    for target in [folder, path] where access(target, W_OK) != 0 {
      if target == path, errno == ENOENT { continue }
      throw error(
        at: "state",
        "keeps its store in \(path), but \(target) "
          + (errno == ENOENT ? "does not exist; make that folder" : "may not be written to"))
    }
  }
}

extension PipelineFile.StoreSection {
  func path(of stage: StageName?) -> String {
    guard let stage else { return path }
    let url = URL(fileURLWithPath: path)
    let name = url.deletingPathExtension().lastPathComponent
    let end = url.pathExtension.isEmpty ? "" : ".\(url.pathExtension)"
    return url.deletingLastPathComponent().appending(path: "\(name).\(stage.rawValue)\(end)").path
  }
}
