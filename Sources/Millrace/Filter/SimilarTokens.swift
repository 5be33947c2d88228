import Foundation
import ModelFiles
import Recurrence
import Tokenization
import Wire

/// Tokens by the angles between their rows in a model's Embedding: `millrace similar`.
package struct SimilarTokens: Sendable {
  /// What cannot be compared.
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  /// How many the page is told.
  private static let pageCount = 8

  private let embedding: Embedding
  private let vocabulary: Vocabulary?

  /// - Parameters:
  ///   - path: a pipeline file, whose model and vocabulary are used, or a model file.
  ///   - vocabularyPath: the tokens of a model file, one a line; nil leaves ids.
  ///   - firstID: the id of its first line.
  /// - Throws: a `Failure`, `TextFile.Failure`, `ConfigurationError` or `ModelFileError`.
  package init(path: String, vocabularyPath: String?, firstID: Int32) throws {
    let model: Model
    if path.hasSuffix(".yaml") || path.hasSuffix(".yml") {
      let builder = PipelineBuilder(try PipelineFile(readingFrom: path))
      (model, vocabulary) = try builder.modelAndVocabulary()
    } else {
      model = try loadModel(at: path).model
      vocabulary = try vocabularyPath.map { path in
        let text = try TextFile(readingFrom: path, expecting: "tokens, one a line").text
        return try Vocabulary(text: text.utf8, firstID: firstID)
      }
    }
    guard case .embedding(let embedding)? = model.layers.first else {
      throw Failure(
        description:
          "\(path): the model does not begin with an Embedding, so its tokens have no rows")
    }
    self.embedding = embedding
  }

  /// Those of a running pipeline; nil where its model does not begin with an Embedding.
  init?(_ pipeline: Pipeline) {
    guard case .embedding(let embedding)? = pipeline.model.model.layers.first else { return nil }
    self.embedding = embedding
    if case .text(let tokenizer) = pipeline.encoding {
      vocabulary = tokenizer.vocabulary
    } else {
      vocabulary = nil
    }
  }

  /// For the page: `{"nearest":[{"token","id","similarity"},...]}`, of none for a word without a row.
  func page(of word: String) -> [UInt8] {
    var lines: [String] = []
    do {
      lines = try nearest(to: word, count: SimilarTokens.pageCount)
    } catch {
      // A token beside the vocabulary, such as <unknown>, has no neighbours to show.
    }
    return Array("{\"nearest\":[\(lines.joined(separator: ","))]}".utf8)
  }

  /// The tokens closest in direction to `word`, as lines `{"token","id","similarity"}`.
  ///
  /// - Throws: a `Failure` for a word without a row.
  package func nearest(to word: String, count: Int) throws -> [String] {
    embedding.nearest(to: try id(of: word), count: count).map { line($0.token, $0.similarity) }
  }

  /// The cosine of the angle between `word` and each of some others.
  ///
  /// - Throws: a `Failure` for a word without a row.
  package func compare(_ word: String, with others: [String]) throws -> [String] {
    let first = try id(of: word)
    return try others.map { other in
      let second = try id(of: other)
      return line(second, embedding.cosineSimilarity(first, second))
    }
  }

  private func id(of word: String) throws -> Int {
    if let id = vocabulary?.id(of: word) { return try checked(Int(id), word) }
    if vocabulary == nil, let id = Int(word) { return try checked(id, word) }
    throw Failure(
      description: vocabulary == nil
        ? "\"\(word)\" is no token id; give the words with --vocabulary"
        : "\"\(word)\" is not in the vocabulary")
  }

  private func checked(_ id: Int, _ word: String) throws -> Int {
    guard id >= 0, id < embedding.vocabulary else {
      throw Failure(
        description:
          "\"\(word)\" is token \(id), but the Embedding has \(embedding.vocabulary) rows")
    }
    return id
  }

  private func line(_ id: Int, _ similarity: Float) -> String {
    let name = vocabulary.map { $0.token(of: Int32(id)) ?? "<\(id)>" }
    let token = name.map { "\"token\":\(JSONText.quoted($0))," } ?? ""
    var text: [UInt8] = []
    JSONText.append(similarity, to: &text)
    return "{\(token)\"id\":\(id),\"similarity\":\(String(decoding: text, as: UTF8.self))}"
  }
}
