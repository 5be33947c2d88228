import Testing

@testable import Tokenization

struct HuggingFaceTokenizerTests {
  private static let fixture = TokenizerFixture.read("huggingface")

  private static func tokenizer(_ rule: HuggingFaceTokenizer) -> TextTokenizer {
    TextTokenizer(
      vocabulary: rule.vocabulary, kind: .segments(rule), unknown: .asTrained, startToken: nil,
      replacesInvalid: false)
  }

  @Test func theFixtureIsThere() { #expect(HuggingFaceTokenizerTests.fixture.cases.count == 18) }

  @Test(arguments: fixture.cases)
  func idsAreThoseOfTheLibraryHoweverTextIsCut(expected: TokenizerFixture.Case) throws {
    let rule = try HuggingFaceTokenizer(
      json: TokenizerFixture.bytes("huggingface/\(expected.file)"))
    var cut = CutText(HuggingFaceTokenizerTests.tokenizer(rule))
    for (text, ids) in zip(HuggingFaceTokenizerTests.fixture.texts, expected.ids) {
      let run = try cut.check(Array(text.utf8), cuts: 4)
      #expect(
        run.ids == ids,
        "\(text.debugDescription): \(run.ids.map { rule.vocabulary.token(of: $0) ?? "?" }), expected \(ids.map { rule.vocabulary.token(of: $0) ?? "?" })"
      )
    }
  }

  @Test func specialTokensCanBeLeftOut() throws {
    let json = try TokenizerFixture.bytes("huggingface/wordpiece-bert.json")
    let with = try HuggingFaceTokenizer(json: json)
    let without = try HuggingFaceTokenizer(json: json, addsSpecialTokens: false)
    #expect(with.startIDs == [2] && with.endIDs == [3])
    #expect(without.startIDs.isEmpty && without.endIDs.isEmpty)
    // A text that has not begun has no end.
    var carry = TokenizerCarry()
    var run = TokenRun()
    HuggingFaceTokenizerTests.tokenizer(with).flush(carry: &carry, into: &run)
    #expect(run.ids.isEmpty)
  }

  @Test func aTokenLeavesAtTheNextBlank() throws {
    let rule = try HuggingFaceTokenizer(
      json: TokenizerFixture.bytes("huggingface/bpe-gpt2.json"))
    let tokenizer = HuggingFaceTokenizerTests.tokenizer(rule)
    var carry = TokenizerCarry()
    var run = TokenRun()
    Array("the wheel".utf8).withUnsafeBytes { tokenizer.feed($0, carry: &carry, into: &run) }
    let first = run
    #expect(!first.ids.isEmpty && first.ends.allSatisfy { $0 == 3 })
    Array("s".utf8).withUnsafeBytes { tokenizer.feed($0, carry: &carry, into: &run) }
    #expect(run == first)
    Array(" ".utf8).withUnsafeBytes { tokenizer.feed($0, carry: &carry, into: &run) }
    #expect(run.ids.count > first.ids.count && run.ends.last == 10)
  }

  @Test func unknownWordsFollowThePolicy() throws {
    let rule = try HuggingFaceTokenizer(
      json: TokenizerFixture.bytes("huggingface/wordlevel.json"))
    func run(_ unknown: TextTokenizer.Unknown) throws -> TokenRun {
      let tokenizer = TextTokenizer(
        vocabulary: rule.vocabulary, kind: .segments(rule), unknown: unknown, startToken: nil,
        replacesInvalid: false)
      return try CutText(tokenizer).run([Array("the xyzzy wheel [UNK]".utf8)])
    }
    #expect(try run(.asTrained).ids.count == 4)
    #expect(try run(.skip).ids.count == 3)
    #expect(try run(.id(500)).ids[1] == 500)
    // Written out, the unknown token is a token.
    let refused = try run(.refuse)
    #expect(refused.ids.count == 3)
    #expect(refused.refused.map(\.bytes) == [3..<9])
  }

  /// The text's tokens are the same; what was asked of its length is said.
  @Test func lengthsAreForWholeTexts() throws {
    let bytes = try TokenizerFixture.bytes("huggingface/wordpiece-bert.json")
    let sound = String(decoding: bytes, as: UTF8.self).replacing("\": ", with: "\":")
    func notices(_ truncation: String, _ padding: String) throws -> [String] {
      let text = sound.replacing("\"truncation\":null", with: "\"truncation\":\(truncation)")
        .replacing("\"padding\":null", with: "\"padding\":\(padding)")
      return try HuggingFaceTokenizer(json: Array(text.utf8)).notices
    }
    #expect(try notices("null", "null") == [])
    #expect(try notices("null", "{\"strategy\":\"BatchLongest\",\"pad_id\":0}") == [])
    let cut = try notices("{\"max_length\":128,\"strategy\":\"LongestFirst\"}", "null")
    #expect(cut.count == 1 && cut[0].contains("limits: { max-steps: 128 }"))
    #expect(try notices("null", "{\"strategy\":{\"Fixed\":64}}").count == 1)
    let multiple = "{\"strategy\":\"BatchLongest\",\"pad_to_multiple_of\":8}"
    #expect(try notices("{\"max_length\":8}", multiple).count == 2)
  }

  /// Each is the sound file with one thing changed.
  @Test(
    arguments: [
      ("\"truncation\":null", "\"truncation\":8", "\"truncation\" is no object"),
      ("BertNormalizer", "Precompiled", "\"normalizer.type\" is Precompiled"),
      ("\"clean_text\"", "\"cleaning\"", "\"normalizer.cleaning\" is set, and is not known"),
      ("BertPreTokenizer", "UnicodeScripts", "\"pre_tokenizer.type\" is UnicodeScripts"),
      ("BertPreTokenizer", "Digits", "does not split at white space"),
      ("\"WordPiece\"", "\"Unigram\"", "kind: sentencepiece"),
      ("\"WordPiece\"", "\"Other\"", "expected WordLevel, WordPiece or BPE"),
      ("TemplateProcessing", "OtherProcessing", "\"post_processor.type\" is OtherProcessing"),
      ("\"id\":\"A\"", "\"id\":\"B\"", "has another text than one A"),
      ("\"id\":0,", "\"id\":77,", "\"added_tokens[0].id\" is 77, but 0 in the model's"),
      ("\"version\"", "version", "is not JSON (no text at byte 1)"),
    ])
  func whatIsNotSupportedIsRefusedByName(sound: String, wrong: String, name: String) throws {
    let text = String(
      decoding: try TokenizerFixture.bytes("huggingface/wordpiece-bert.json"), as: UTF8.self
    ).replacing("\": ", with: "\":").replacing(", \"", with: ",\"")
    _ = try HuggingFaceTokenizer(json: Array(text.utf8))
    #expect(text.contains(sound))
    let changed = text.replacing(sound, with: wrong, maxReplacements: 1)
    #expect {
      try HuggingFaceTokenizer(json: Array(changed.utf8))
    } throws: {
      "\($0)".contains(name)
    }
  }

  @Test(
    arguments: [
      (#"{"type":"Sequence","pretokenizers":[{"type":"Digits"},{"type":"ByteLevel"}]}"#, "puts a"),
      (
        #"{"type":"Sequence","pretokenizers":[{"type":"ByteLevel","use_regex":false},{"type":"Whitespace"}]}"#,
        "does not split"
      ), (#"{"type":"Split","pattern":{"Regex":"\\d+"},"behavior":"Isolated"}"#, "is \"\\\\d+\""),
      (#"{"type":"Split","pattern":{"String":" "},"behavior":"Isolated"}"#, "has white space"),
      (#"{"type":"Metaspace","split":false}"#, "pre_tokenizer.split"),
    ])
  func preTokenizersThatCannotBeCutAreRefused(json: String, name: String) {
    let file =
      #"{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"pre_tokenizer":"# + json + "}"
    #expect {
      try HuggingFaceTokenizer(json: Array(file.utf8))
    } throws: {
      "\($0)".contains(name)
    }
  }

  /// Faults of every kind, where the tokens of what is sound do not depend on the cut.
  @Test(arguments: fixture.cases.map(\.file))
  func whatIsRefusedDoesNotDependOnTheCut(file: String) throws {
    let rule = try HuggingFaceTokenizer(json: TokenizerFixture.bytes("huggingface/\(file)"))
    let tokenizer = TextTokenizer(
      vocabulary: rule.vocabulary, kind: .segments(rule), unknown: .refuse, startToken: nil,
      replacesInvalid: false)
    let cut = CutText(tokenizer)
    let long = String(repeating: "wheelwright", count: 500)
    var text = Array("the \(long) wheel \(long)\n[MASK]".utf8)
    text += [0xFF, 0x20, 0xED, 0x95, 0x20] + Array("물레 \u{1}한".utf8).dropLast()
    let run = try cut.run([text])
    // A prime number of bytes, so that cuts fall everywhere.
    for size in [211, 1009] {
      let pieces = stride(from: 0, to: text.count, by: size).map {
        Array(text[$0..<min(text.count, $0 + size)])
      }
      #expect(try cut.run(pieces) == run)
    }
    #expect(run.refused.contains { $0.bytes.count == long.utf8.count + 1 })
    #expect(run.refused.contains { if case .invalidText = $0.refusal { true } else { false } })
  }
}
