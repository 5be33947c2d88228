import Testing

@testable import Tokenization

struct SentencePieceTokenizerTests {
  private static let fixture = TokenizerFixture.read("sentencepiece")

  private static func rule(_ name: String) throws -> SentencePieceTokenizer {
    try SentencePieceTokenizer(bytes: TokenizerFixture.bytes("sentencepiece/\(name)"))
  }

  private static func tokenizer(_ rule: SentencePieceTokenizer) -> TextTokenizer {
    TextTokenizer(
      vocabulary: rule.vocabulary, kind: .segments(rule), unknown: .asTrained, startToken: nil,
      replacesInvalid: false)
  }

  @Test func theFixtureIsThere() { #expect(SentencePieceTokenizerTests.fixture.cases.count == 8) }

  @Test(arguments: fixture.cases)
  func idsAreThoseOfTheLibraryHoweverTextIsCut(expected: TokenizerFixture.Case) throws {
    let rule = try SentencePieceTokenizerTests.rule(expected.file)
    var cut = CutText(SentencePieceTokenizerTests.tokenizer(rule))
    for (text, ids) in zip(SentencePieceTokenizerTests.fixture.texts, expected.ids) {
      let run = try cut.check(Array(text.utf8), cuts: 4)
      #expect(
        run.ids == ids,
        "\(text.debugDescription): \(run.ids.map { rule.vocabulary.token(of: $0) ?? "?" }), expected \(ids.map { rule.vocabulary.token(of: $0) ?? "?" })"
      )
    }
  }

  @Test func aPieceLeavesAtTheNextBlank() throws {
    let rule = try SentencePieceTokenizerTests.rule("unigram.model")
    let tokenizer = SentencePieceTokenizerTests.tokenizer(rule)
    var carry = TokenizerCarry()
    var run = TokenRun()
    Array("the wheel".utf8).withUnsafeBytes { tokenizer.feed($0, carry: &carry, into: &run) }
    #expect(!run.ids.isEmpty && run.ends.allSatisfy { $0 == 3 })
    let count = run.ids.count
    Array("\n".utf8).withUnsafeBytes { tokenizer.feed($0, carry: &carry, into: &run) }
    #expect(run.ids.count > count && run.ends.last == 9)
  }

  @Test(arguments: ["refused-crossing.model", "refused-suffix.model"])
  func modelsWhoseTextCannotBeCutAreRefused(name: String) {
    #expect {
      try SentencePieceTokenizerTests.rule(name)
    } throws: {
      "\($0)".contains("a blank behind text: trained with split_by_whitespace false")
    }
  }

  @Test func whatIsNoModelIsRefused() throws {
    let sound = try TokenizerFixture.bytes("sentencepiece/unigram.model")
    for length in stride(from: 0, to: sound.count, by: 997) {
      do {
        _ = try SentencePieceTokenizer(bytes: Array(sound[..<length]))
      } catch {
        #expect("\(error)".contains("is ") || "\(error)".contains("pieces"), "\(length): \(error)")
      }
    }
    #expect(throws: TokenizerFileError.self) { try SentencePieceTokenizer(bytes: []) }
    #expect(throws: TokenizerFileError.self) {
      try SentencePieceTokenizer(bytes: Array("no model, but text".utf8))
    }
  }
}
