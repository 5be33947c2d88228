import Foundation
import ModelFiles
import Testing

@testable import Millrace

/// What `millrace init` makes of what a model says of itself.
struct PipelineDraftTests {
  private func draft(_ model: String, target: String = "/somewhere/p.yaml") throws -> PipelineDraft
  {
    let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fixtures")
    let loaded = try loadModel(at: fixtures.appending(path: model).path(percentEncoded: false))
    return PipelineDraft(model: loaded, labels: nil, vocabulary: nil, target: target)
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

  @Test func whatTheTokenizerCannotDoIsSaid() throws {
    let words = try draft("keras-layers/text-words/model.keras").text()
    #expect(words.contains("lowercase: true, split: whitespace }   # cuts at punctuation"))
    let characters = try draft("keras-layers/text-characters/model.keras").text()
    #expect(characters.contains("kind: characters"))
    #expect(characters.contains("send small letters"))
  }

  @Test func toStandardOutputNoFileIsWritten() throws {
    let draft = try draft("keras-layers/lookup-given/model.keras", target: "-")
    #expect(draft.vocabularyFile == nil)
    #expect(try draft.text().contains("kind: ids"))
  }
}
