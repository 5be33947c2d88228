import Foundation
import Testing

@testable import Tokenization

struct TextTokenizerTests {
  static let texts = [
    "hello world", "한글과 영어 mixed 글", "한국어 문장".decomposedStringWithCanonicalMapping,
    "가\u{1100}\u{1161}\u{11A8}\u{1100}각\u{1161}", "e\u{301}a\u{308}\u{323} é å Å",
    "👩‍👩‍👧 😀 ok", "a\u{327}\u{301}b \u{1100}", "Shr 45 cts; net 1.2 mln-dlrs\r\nvs 3",
  ]

  static func tokenizer(
    _ kind: TextTokenizer.Kind, unknown: TextTokenizer.Unknown = .id(999),
    start: Int32? = nil, replaces: Bool = false
  ) throws -> TextTokenizer {
    // Every scalar of the texts, composed and not, so that tokens differ where text does.
    var scalars = Set<Unicode.Scalar>()
    for text in texts {
      scalars.formUnion(text.unicodeScalars)
      scalars.formUnion(text.precomposedStringWithCanonicalMapping.unicodeScalars)
    }
    let words = ["hello", "world", "shr", "cts", "한글과", "글"]
    let tokens = scalars.sorted().map { String($0) }.filter { !words.contains($0) } + words
    return TextTokenizer(
      vocabulary: try Vocabulary(tokens: tokens, firstID: 0), kind: kind, unknown: unknown,
      startToken: start, replacesInvalid: replaces)
  }

  static let kinds: [TextTokenizer.Kind] = [
    .characters(.hangul), .characters(.nfc), .characters(.none),
    .words(lowercase: true, filters: TextTokenizer.kerasFilters, removed: [], split: .whitespace),
    .words(lowercase: false, filters: [], removed: [], split: .space),
    .words(
      lowercase: true, filters: [], removed: TextTokenizer.kerasPunctuation, split: .whitespace),
  ]

  private func run(_ tokenizer: TextTokenizer, _ pieces: [[UInt8]]) throws -> TokenRun {
    var carry = TokenizerCarry()
    var run = TokenRun()
    tokenizer.begin(carry: &carry, into: &run)
    for piece in pieces {
      piece.withUnsafeBytes { tokenizer.feed($0, carry: &carry, into: &run) }
    }
    tokenizer.flush(carry: &carry, into: &run)
    #expect(carry.isEmpty)
    return run
  }

  @Test(arguments: kinds)
  func tokensDoNotDependOnTheCut(kind: TextTokenizer.Kind) throws {
    let tokenizer = try TextTokenizerTests.tokenizer(kind, start: 7)
    let seed = UInt64.random(in: 1...UInt64.max)
    var random = seed
    for text in TextTokenizerTests.texts {
      let bytes = Array(text.utf8)
      let whole = try run(tokenizer, [bytes])
      #expect(try run(tokenizer, bytes.map { [$0] }) == whole, "\(text), byte by byte")
      for _ in 0..<50 {
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
          random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          let count = min(rest.count, 1 + Int(random >> 33) % 6)
          pieces.append(Array(rest.prefix(count)))
          rest = rest.dropFirst(count)
        }
        #expect(try run(tokenizer, pieces) == whole, "\(text), cut with seed \(seed)")
      }
    }
  }

  @Test("fault 15: NFC of cut text is that of the whole", arguments: texts)
  func nfcEqualsFoundationsOfTheWholeText(text: String) throws {
    let tokenizer = try TextTokenizerTests.tokenizer(.characters(.nfc))
    let expected = text.precomposedStringWithCanonicalMapping.unicodeScalars.map {
      tokenizer.vocabulary.id(of: String($0)) ?? 999
    }
    #expect(try run(tokenizer, Array(text.utf8).map { [$0] }).ids == expected)
  }

  @Test("fault 15: decomposed Hangul gives the tokens of the composed")
  func decomposedHangulGivesTheTokensOfTheComposed() throws {
    let tokenizer = try TextTokenizerTests.tokenizer(.characters(.hangul))
    let composed = "한국어 문장"
    let decomposed = composed.decomposedStringWithCanonicalMapping
    #expect(Array(composed.utf8) != Array(decomposed.utf8))
    #expect(
      try run(tokenizer, [Array(decomposed.utf8)]).ids
        == run(tokenizer, [Array(composed.utf8)]).ids)
  }

  @Test func nothingButJamoWaits() throws {
    let tokenizer = try TextTokenizerTests.tokenizer(.characters(.hangul))
    var carry = TokenizerCarry()
    var run = TokenRun()
    Array("he한".utf8).withUnsafeBytes {
      tokenizer.feed($0, carry: &carry, into: &run)
    }
    #expect(run.ids.count == 3)
    #expect(run.ends == [1, 2, 5])
    Array("\u{1112}".utf8).withUnsafeBytes {
      tokenizer.feed($0, carry: &carry, into: &run)
    }
    #expect(run.ids.count == 3)
  }

  // Python: bytes.decode("utf-8", "replace").
  @Test(
    arguments: [
      ([0x61, 0xC0, 0xAF, 0x62], 4), ([0xE0, 0x80, 0x80], 3), ([0xED, 0xA0, 0x80], 3),
      ([0xF0, 0x9F, 0x98], 1), ([0xF0, 0x9F, 0x61], 2), ([0xFF], 1), ([0xF5, 0x80, 0x80, 0x80], 4),
      ([0x80, 0x80], 2), ([0xE2, 0x82], 1), ([0xE2, 0x28, 0xA1], 3),
    ] as [([UInt8], Int)])
  func invalidBytesAreReplacedAsPythonDoes(bytes: [UInt8], count: Int) throws {
    let tokenizer = try TextTokenizerTests.tokenizer(.characters(.none), replaces: true)
    #expect(try run(tokenizer, [bytes]).ids.count == count)
    #expect(try run(tokenizer, bytes.map { [$0] }).ids.count == count)
  }

  @Test func invalidTextIsRefusedAndTheStreamGoesOn() throws {
    let tokenizer = try TextTokenizerTests.tokenizer(.characters(.none))
    var carry = TokenizerCarry()
    var run = TokenRun()
    // Half of "é", then a byte that cannot go on from it.
    [UInt8(0x68), 0xC3].withUnsafeBytes { tokenizer.feed($0, carry: &carry, into: &run) }
    #expect(run.ids.count == 1)
    #expect(run.refused.isEmpty)
    [UInt8(0x77)].withUnsafeBytes { tokenizer.feed($0, carry: &carry, into: &run) }
    #expect(run.refused == [RefusedText(bytes: 1..<2, refusal: .invalidText(atByte: 1))])
    // The byte behind it is sound.
    #expect(run.ids.count == 2)
    #expect(carry.consumed == 3)
    [UInt8(0x68)].withUnsafeBytes { tokenizer.feed($0, carry: &carry, into: &run) }
    #expect(run.ends.last == 4)
  }

  @Test func aSkippedCharacterIsCoveredByTheNextStep() throws {
    let vocabulary = try Vocabulary(tokens: ["h", "e"], firstID: 0)
    func tokenizer(_ unknown: TextTokenizer.Unknown) -> TextTokenizer {
      TextTokenizer(
        vocabulary: vocabulary, kind: .characters(.hangul), unknown: unknown, startToken: nil,
        replacesInvalid: false)
    }
    let skipped = try run(tokenizer(.skip), [Array("hxe".utf8)])
    #expect(skipped.ids == [0, 1])
    #expect(skipped.ends == [1, 3])
    #expect(try run(tokenizer(.id(5)), [Array("hxe".utf8)]).ids == [0, 5, 1])
    let refused = try run(tokenizer(.refuse), [Array("hxxe".utf8)])
    #expect(refused.ids == [0, 1])
    #expect(
      refused.refused == [RefusedText(bytes: 1..<3, refusal: .unknownToken("x", atByte: 1))])
  }

  @Test func wordsFollowKerasDefaults() throws {
    let vocabulary = try Vocabulary(tokens: ["the", "don't", "shr", "1", "é"], firstID: 3)
    let tokenizer = TextTokenizer(
      vocabulary: vocabulary,
      kind: .words(
        lowercase: true, filters: TextTokenizer.kerasFilters, removed: [], split: .whitespace),
      unknown: .id(2), startToken: 1, replacesInvalid: false)
    let run = try run(tokenizer, [Array("The,don't(shr)\t1.1 X E\u{301}".utf8)])
    #expect(run.ids == [1, 3, 4, 5, 6, 6, 2, 7])
    #expect(run.ends.first == 0)
  }

  @Test func aWordTooLongIsRefusedAsAWhole() throws {
    let tokenizer = try TextTokenizerTests.tokenizer(TextTokenizerTests.kinds[3], unknown: .refuse)
    let text = "hello " + String(repeating: "a", count: 9000) + " world"
    let run = try run(tokenizer, [Array(text.utf8)])
    let refusal = TokenizerRefusal.wordTooLong(
      limit: TextTokenizer.wordBytesMax, atByte: 6)
    #expect(run.ids.count == 2)
    #expect(run.refused == [RefusedText(bytes: 6..<9006, refusal: refusal)])
  }

  /// Text with faults of every kind: the tokens, and which bytes are refused, are those of the whole.
  @Test(arguments: kinds)
  func whatIsRefusedDoesNotDependOnTheCut(kind: TextTokenizer.Kind) throws {
    let tokenizer = try TextTokenizerTests.tokenizer(kind, unknown: .refuse)
    let faults: [[UInt8]] = [
      [0xFF], [0xC3], [0xED, 0x95], [0xF0, 0x9F, 0x98], [0xC0, 0x80], Array("q~q".utf8),
      Array("\u{1112}\u{1161}".utf8), Array("\u{0416}\u{301}".utf8), Array(" zzz ".utf8),
    ]
    let seed = UInt64.random(in: 1...UInt64.max)
    var random = seed
    func next(_ bound: Int) -> Int {
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(random >> 33) % bound
    }
    for _ in 0..<100 {
      var bytes: [UInt8] = []
      for _ in 0..<6 {
        bytes += Array(TextTokenizerTests.texts[next(TextTokenizerTests.texts.count)].utf8)
        bytes += faults[next(faults.count)]
      }
      let whole = try run(tokenizer, [bytes])
      #expect(!whole.refused.isEmpty)
      var pieces: [[UInt8]] = []
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = min(rest.count, 1 + next(9))
        pieces.append(Array(rest.prefix(count)))
        rest = rest.dropFirst(count)
      }
      #expect(try run(tokenizer, pieces) == whole, "seed \(seed)")
    }
  }

  @Test("fault 14: END makes half a character a replacement")
  func endMakesHalfACharacterAReplacement() throws {
    let tokenizer = try TextTokenizerTests.tokenizer(.characters(.none))
    #expect(try run(tokenizer, [[0x68, 0xED, 0x95]]).ids.last == 999)
  }
}
