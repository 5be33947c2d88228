import Foundation
import ModelFiles
import Recurrence
import Tokenization

/// Opens what a pipeline file names, and checks that everything fits, before anything starts.
package struct PipelineBuilder {
  let file: PipelineFile

  package init(_ file: PipelineFile) { self.file = file }

  /// - Throws: a `ConfigurationError` at the key that does not fit, or a `ModelFileError`.
  package func build() throws -> Pipeline {
    guard FileManager.default.fileExists(atPath: file.model) else {
      throw file.error(at: "model", "names \(file.model), which does not exist")
    }
    let model = try load(forSteppingOnly: isForSteppingOnly).with(file.precision)
    return try build(with: model)
  }

  /// The gates that a tap or the page may ask for are computed by the plain layers.
  private var isForSteppingOnly: Bool { file.monitor == nil && file.http == nil }

  /// Another model as this pipeline runs it.
  func readModel(at path: String) throws -> LoadedModel {
    try loadModel(at: path, forSteppingOnly: isForSteppingOnly).with(file.precision)
  }

  /// As `build`, with the model that the file names already read.
  func build(with model: LoadedModel) throws -> Pipeline {
    try checkRewarm(model.model)
    let (encoding, vocabulary) = try encoding(for: model.model, model.vocabulary)
    try checkEmission(model.model)
    let generation = try generation(for: model, vocabulary)
    var labels = try readLabels(for: generation?.settings.decoder?.model ?? model.model)
    if file.labels == nil, generation == nil, model.model.outputIsDistribution,
      let own = model.labels
    {
      labels = own
    }
    var shownTokens = vocabulary.map(tokenText)
    if let generation {
      shownTokens = generation.vocabulary.map(tokenText) ?? { @Sendable in "\($0)" }
    }
    let format = AnswerFormat(
      labels: labels, top: file.top, showsValues: file.sink.values, tokenText: shownTokens,
      hasAnomaly: file.anomaly != nil)
    return Pipeline(
      file: file, model: model, encoding: encoding, format: format,
      generation: generation?.settings, output: try outputForm(for: model.model, encoding),
      alarm: try alarm(labels: labels, model.model),
      warnings: warnings(encoding, vocabulary, model.model))
  }

  /// The model and the tokens of its input, nil where they are no text; for `millrace similar`.
  package func modelAndVocabulary() throws -> (Model, Vocabulary?) {
    let model = try load(forSteppingOnly: false)
    return (model.model, try encoding(for: model.model, model.vocabulary).1)
  }

  /// The file's model, which must be the one that is meant where the file says so.
  private func load(forSteppingOnly: Bool) throws -> LoadedModel {
    let model = try loadModel(at: file.model, forSteppingOnly: forSteppingOnly)
    if let expected = file.sha256, expected != model.sha256Text {
      throw file.error(
        at: "sha256",
        "is \(expected), but \(file.model) has \(model.sha256Text): another model, or damaged")
    }
    return model
  }

  // MARK: Labels

  private func readLabels(for model: Model) throws -> [String] {
    guard let path = file.labels else { return [] }
    let labels = try lines(of: path, key: "labels")
    guard labels.count == model.outputWidth else {
      throw file.error(
        at: "labels",
        "has \(labels.count) labels in \(path), expected \(model.outputWidth), "
          + "one for each output of the model")
    }
    guard model.outputIsDistribution else {
      throw file.error(
        at: "labels", "names classes, but the model does not end in a softmax; leave it out")
    }
    return labels
  }

  private func lines(of path: String, key: String) throws(ConfigurationError) -> [String] {
    let lines = try open(path, key: key).lines
    guard !lines.isEmpty else { throw file.error(at: key, "names \(path), which is empty") }
    return lines
  }

  func open(_ path: String, key: String) throws(ConfigurationError) -> TextFile {
    do {
      return try TextFile(readingFrom: path, expecting: "text")
    } catch {
      throw file.error(at: key, "names \(path), which \(error.reason)")
    }
  }

  // MARK: Input

  private func encoding(
    for model: Model, _ own: ModelVocabulary?
  ) throws -> (InputEncoding, Vocabulary?) {
    switch file.tokenizer.kind {
    case .values: return (try values(for: model), nil)
    case .frames: return (try frames(for: model), nil)
    case .ids, .oneHot: return (try ids(for: model), nil)
    case .characters, .words, .bytes, .kerasTokenizer, .textVectorization, .huggingFace,
      .sentencePiece:
      let tokenizer = try tokenizer(own)
      try checkVocabulary(tokenizer.vocabulary, against: model)
      return (.text(tokenizer), tokenizer.vocabulary)
    }
  }

  private func ids(for model: Model) throws -> InputEncoding {
    switch model.input {
    case .tokens(let vocabulary):
      guard file.tokenizer.kind == .ids, file.tokenizer.oneHot != true else {
        throw file.error(
          at: "tokenizer",
          "makes one-hot vectors, but the model begins with an Embedding; use kind: ids")
      }
      return .ids(bound: Int32(vocabulary))
    case .vectors(let width):
      guard file.tokenizer.kind == .oneHot || file.tokenizer.oneHot == true else {
        throw file.error(
          at: "tokenizer",
          "gives token ids, but the model takes vectors of \(width); "
            + "use kind: one-hot, or kind: values")
      }
      return .ids(bound: Int32(width))
    }
  }

  private func checkVocabulary(_ vocabulary: Vocabulary, against model: Model) throws {
    let bound = tokenBound(vocabulary)
    switch model.input {
    case .tokens(let size):
      guard file.tokenizer.oneHot != true else {
        throw file.error(
          at: "tokenizer", "says one-hot: true, but the model begins with an Embedding")
      }
      guard bound <= size else {
        throw file.error(
          at: "tokenizer",
          "has token ids up to \(bound - 1), but the model's Embedding has \(size) rows")
      }
    case .vectors(let width):
      guard file.tokenizer.oneHot != false else {
        throw file.error(
          at: "tokenizer", "says one-hot: false, but the model takes vectors of \(width)")
      }
      guard bound == width else {
        throw file.error(
          at: "tokenizer",
          "has \(bound) token ids, but the model takes one-hot vectors of \(width)")
      }
    }
  }

  private func warnings(
    _ encoding: InputEncoding, _ vocabulary: Vocabulary?, _ model: Model
  ) -> [String] {
    var warnings = vocabularyWarning(vocabulary, model).map { [$0] } ?? []
    if case .text(let tokenizer) = encoding {
      warnings += tokenizer.notices.map { file.error(at: "tokenizer", $0).description }
    }
    return warnings
  }

  /// Says that some rows of an Embedding have no token; nil where all have one.
  private func vocabularyWarning(_ vocabulary: Vocabulary?, _ model: Model) -> String? {
    guard let vocabulary, case .tokens(let rows) = model.input, tokenBound(vocabulary) < rows else {
      return nil
    }
    return file.error(
      at: "tokenizer",
      "has token ids up to \(tokenBound(vocabulary) - 1), but the model's Embedding has \(rows) rows; "
        + "is the vocabulary the one of its training?"
    ).description
  }

  /// One past the highest id that the tokenizer gives.
  private func tokenBound(_ vocabulary: Vocabulary) -> Int {
    var bound = Int(vocabulary.idBound)
    if case .id(let id) = file.tokenizer.unknown { bound = max(bound, Int(id) + 1) }
    if let start = file.tokenizer.startToken { bound = max(bound, Int(start) + 1) }
    return bound
  }

  func readVocabulary(_ path: String, _ firstID: Int32) throws(ConfigurationError) -> Vocabulary {
    let text = try open(path, key: "tokenizer").text
    do {
      return try Vocabulary(text: text.utf8, firstID: firstID)
    } catch {
      throw file.error(at: "tokenizer", "vocabulary \(path): \(error)")
    }
  }

  /// What `token` says for an id: ids beside the vocabulary have names of their own.
  private func tokenText(_ vocabulary: Vocabulary) -> @Sendable (Int32) -> String {
    let startToken = file.tokenizer.startToken
    return { id in
      if let token = vocabulary.token(of: id) { return token }
      return id == startToken ? "<start>" : "<unknown>"
    }
  }

  // MARK: Swaps

  private func checkRewarm(_ model: Model) throws {
    let width = if case .vectors(let width) = model.input { width } else { 1 }
    let most = Limits.rewarmBytes / (width * 4)
    guard file.rewarmSteps <= most else {
      throw file.error(
        at: "state",
        "keeps the last \(file.rewarmSteps) inputs of each stream to rewarm, of \(width) values "
          + "each; expected at most \(most), which are \(Limits.rewarmBytes) bytes")
    }
  }

  // MARK: Emission

  private func checkEmission(_ model: Model) throws {
    guard case .oneToMany(let count) = model.shape, case .every = file.emit else { return }
    throw file.error(
      at: "model", "gives \(count) answers at the end of a stream; emit: every does not apply")
  }
}
