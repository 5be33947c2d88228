import Testing

@testable import Tokenization

struct KerasTokenizerTests {
  private static let fixture = TokenizerFixture.read("keras")

  private static func rule(
    _ name: TokenizerFixture.Case
  ) throws -> any SegmentTokenizer {
    let json = try TokenizerFixture.bytes("keras/\(name.file)")
    if name.kind == "keras-tokenizer" { return try KerasTokenizer(json: json) }
    return try TextVectorizationTokenizer(
      config: json,
      vocabulary: try name.vocabulary.map { try TokenizerFixture.bytes("keras/\($0)") })
  }

  private static func tokenizer(
    _ rule: any SegmentTokenizer, unknown: TextTokenizer.Unknown = .asTrained
  ) -> TextTokenizer {
    TextTokenizer(
      vocabulary: rule.vocabulary, kind: .segments(rule), unknown: unknown, startToken: nil,
      replacesInvalid: false)
  }

  @Test func theFixtureIsThere() { #expect(KerasTokenizerTests.fixture.cases.count == 12) }

  @Test(arguments: fixture.cases)
  func idsAreThoseOfKerasHoweverTextIsCut(expected: TokenizerFixture.Case) throws {
    let rule = try KerasTokenizerTests.rule(expected)
    var cut = CutText(KerasTokenizerTests.tokenizer(rule))
    for (text, ids) in zip(KerasTokenizerTests.fixture.texts, expected.ids) {
      #expect(try cut.check(Array(text.utf8)).ids == ids, "\(text.debugDescription)")
    }
  }

  @Test func unknownWordsFollowThePolicy() throws {
    let json = #"{"config":{"word_index":"{\"the\": 1, \"mill\": 2}","lower":true,"split":" "}}"#
    let rule = try KerasTokenizer(json: Array(json.utf8))
    let text = Array("the old Mill".utf8)
    func run(_ unknown: TextTokenizer.Unknown) throws -> TokenRun {
      try CutText(KerasTokenizerTests.tokenizer(rule, unknown: unknown)).run([text])
    }
    #expect(try run(.asTrained).ids == [1, 2])
    #expect(try run(.skip).ids == [1, 2])
    #expect(try run(.id(9)).ids == [1, 9, 2])
    let refused = try run(.refuse)
    #expect(refused.ids == [1, 2])
    #expect(refused.refused.map(\.bytes) == [3..<7])
  }

  @Test(
    arguments: [
      (#"{"ngrams":2,"split":"whitespace"}"#, "ngrams"),
      (#"{"output_mode":"multi_hot"}"#, "output_mode"),
      (#"{"standardize":{"class_name":"function"}}"#, "standardize"),
      (#"{"class_name":"StringLookup","config":{}}"#, "class_name"),
      (#"{"standardize":"lower","split":"whitespace","vocabulary":null}"#, "vocabulary"),
      (#"{"vocabulary":["a","b","a"]}"#, "\"a\" twice, with ids 2 and 4"),
      (#"["a"]"#, "no object"), (#"{"vocabulary":"#, "the end comes too early at byte 14"),
    ])
  func wrongConfigsAreRefusedByName(json: String, name: String) {
    #expect {
      try TextVectorizationTokenizer(config: Array(json.utf8), vocabulary: nil)
    } throws: {
      "\($0)".contains(name)
    }
  }

  @Test(
    arguments: [
      (#"{"config":{"split":"--","word_index":{"a":1}}}"#, "config.split"),
      (#"{"config":{"word_index":{"a":-1}}}"#, "config.word_index.a"),
      (#"{"config":{"word_index":"{}"}}"#, "config.word_index\" is empty"),
      (#"{"class_name":"Model","config":{}}"#, "class_name"), (#"{"config":{}}"#, "word_index"),
    ])
  func wrongTokenizersAreRefusedByName(json: String, name: String) {
    #expect {
      try KerasTokenizer(json: Array(json.utf8))
    } throws: {
      "\($0)".contains(name)
    }
  }
}
