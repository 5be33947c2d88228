import Foundation
import ModelFiles
import Testing

@testable import Millrace

/// What `millrace init` makes of what a model says of itself.
struct PipelineDraftTests {
  private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures")

  private func path(_ name: String) -> String {
    Self.fixtures.appending(path: name).path(percentEncoded: false)
  }

  private func draft(
    _ model: String, _ options: DraftOptions = DraftOptions(), target: String = "/somewhere/p.yaml"
  ) throws -> PipelineDraft {
    try PipelineDraft(
      model: try loadModel(at: model.hasPrefix("/") ? model : path(model)), options: options,
      target: target)
  }

  /// The line of the tokenizer.
  private func tokenizer(_ model: String, _ options: DraftOptions) throws -> String {
    let draft = try draft(model, options, target: path("p.yaml"))
    let line = try draft.text().split(separator: "\n").first { $0.hasPrefix("tokenizer: ") }
    return String(try #require(line).dropFirst("tokenizer: ".count))
  }

  private func refusal(_ model: String, _ options: DraftOptions) -> String {
    do {
      return try tokenizer(model, options)
    } catch {
      return "refused: \(error)"
    }
  }

  @Test func aVocabularyInTheModelBecomesAFile() throws {
    let draft = try draft("keras-layers/lookup-given/model.keras")
    let file = try #require(draft.vocabularyFile)
    #expect(file.path == "/somewhere/p.vocabulary.txt")
    #expect(file.text == "red\ngreen\nblue\n")
    let tokenizer =
      "tokenizer: { kind: words, vocabulary: p.vocabulary.txt, first-id: 2, unknown: 1, "
      + "lowercase: false, split: whitespace, filters: \"\" }"
    let text = try draft.text()
    #expect(text.contains(tokenizer + "\n"), "\(text)")
  }

  @Test func theModelsOwnLayerCutsItsText() throws {
    for name in ["text-words", "text-characters"] {
      let draft = try draft("keras-layers/\(name)/model.keras")
      let text = try draft.text()
      #expect(
        text.contains("tokenizer: { kind: text-vectorization }   # the model's own"), "\(text)")
      #expect(draft.vocabularyFile == nil)
      // What is written is what is read.
      let file = try PipelineFile(text: text, path: "/somewhere/p.yaml")
      #expect(file.tokenizer.kind == .textVectorization && file.tokenizer.file == nil)
      #expect(try draft.example("p.yaml") == "echo TEXT | millrace pipe p.yaml")
    }
  }

  @Test func toStandardOutputNoFileIsWritten() throws {
    let draft = try draft("keras-layers/lookup-given/model.keras", target: "-")
    #expect(draft.vocabularyFile == nil)
    #expect(try draft.text().contains("kind: ids"))
  }

  // MARK: Files and kinds

  private static let tokens = "golden/k_embed_lstm_last/model.keras"
  private static let vectors = "golden/k_lstm_seq/model.keras"

  @Test(arguments: [
    ("tokenizers/keras/tokenizer.json", "{ kind: keras-tokenizer, file: F }"),
    ("tokenizers/keras/vectorization-own.json", "{ kind: text-vectorization, file: F }"),
    ("tokenizers/huggingface/wordpiece-bert.json", "{ kind: huggingface, file: F }"),
    ("tokenizers/sentencepiece/unigram.model", "{ kind: sentencepiece, file: F }"),
  ])
  func aFileIsToldByItsContent(file: String, line: String) throws {
    let options = DraftOptions(tokenizer: path(file))
    #expect(try tokenizer(Self.tokens, options) == line.replacing("F", with: file))
  }

  @Test func aKindMayBeNamed() throws {
    #expect(try tokenizer(Self.tokens, DraftOptions(tokenizer: "ids")) == "{ kind: ids }")
    #expect(try tokenizer(Self.vectors, DraftOptions(tokenizer: "bytes")) == "{ kind: bytes }")
    let words = DraftOptions(vocabulary: path("hello/vocabulary.txt"), tokenizer: "words")
    #expect(try tokenizer("hello/model.keras", words).hasPrefix("{ kind: words, vocabulary: "))
    // A model of four inputs: rows of one number, and three before it.
    #expect(
      try tokenizer(Self.vectors, DraftOptions(columns: 1)).hasPrefix(
        "{ kind: values, lag: [1, 2, 3] }"))
    #expect(
      try tokenizer(Self.vectors, DraftOptions(frames: "2x2"))
        .hasPrefix("{ kind: frames, shape: [2, 2] }"))
    #expect(
      try tokenizer(Self.vectors, DraftOptions(frames: "2x2x3"))
        .hasPrefix("{ kind: frames, shape: [2, 2, 3], grey: true }"))
  }

  @Test(arguments: [
    (DraftOptions(tokenizer: "hugingface"), "did you mean huggingface?"),
    (DraftOptions(tokenizer: "huggingface"), "name its file: --tokenizer FILE"),
    (DraftOptions(tokenizer: "characters"), "needs --vocabulary FILE"),
    (DraftOptions(tokenizer: "text-vectorization"), "the model has no such layer"),
    (DraftOptions(tokenizer: "bytes"), "the model has 20 ids, expected at least 256"),
    (DraftOptions(tokenizer: "/nowhere/of/all"), "/nowhere/of/all: does not exist; expected a"),
    (DraftOptions(tokenizer: "values"), "the model takes token ids"),
    (DraftOptions(frames: "3x1"), "the model takes token ids"),
    (DraftOptions(frames: "3by1"), "expected HEIGHTxWIDTH"),
  ])
  func whatCannotBeIsSaid(options: DraftOptions, words: String) throws {
    let model = "golden/k_embed_lstm_last/model.keras"
    let text = refusal(model, options)
    #expect(text.hasPrefix("refused: ") && text.contains(words), "\(text)")
  }

  @Test func whatDoesNotFitTheModelIsSaid() {
    #expect(refusal(Self.vectors, DraftOptions(columns: 3)).contains("takes 4 values a step"))
    #expect(refusal(Self.vectors, DraftOptions(frames: "9x9")).contains("makes 81 values a step"))
    let labels = DraftOptions(tokenizer: path("hello/vocabulary.txt"))
    #expect(refusal(Self.tokens, labels).contains("name a list of tokens with --vocabulary"))
    let two = DraftOptions(
      vocabulary: path("hello/vocabulary.txt"), tokenizer: path("tokenizers/keras/tokenizer.json"))
    #expect(refusal(Self.tokens, two).contains("leave out --vocabulary"))
  }

  @Test func aFileBesideTheModelIsFound() throws {
    let folder = URL(filePath: NSTemporaryDirectory()).appending(path: "draft-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    // What is left is the system's to clear.
    defer { try? FileManager.default.removeItem(at: folder) }
    func copy(_ name: String, as other: String) throws -> String {
      let to = folder.appending(path: other).path(percentEncoded: false)
      try FileManager.default.copyItem(atPath: path(name), toPath: to)
      return to
    }
    let model = try copy(Self.tokens, as: "m.keras")
    _ = try copy("tokenizers/huggingface/wordlevel.json", as: "tokenizer.json")
    let target = folder.appending(path: "m.yaml").path(percentEncoded: false)
    let draft = try draft(model, target: target)
    #expect(
      draft.notices.first?.hasSuffix("beside the model: a tokenizer.json of Hugging Face") == true)
    #expect(try draft.text().contains("{ kind: huggingface, file: tokenizer.json }"))
    // A misspelt name of a file that is there.
    #expect(
      FilesBeside.nearest(to: folder.appending(path: "m.kears").path(percentEncoded: false))
        == model)
  }
}
