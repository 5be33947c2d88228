import Testing

@testable import Tokenization

struct CarryTests {
  @Test func bytesAreTokensWhateverTheyAre() throws {
    let vocabulary = try Vocabulary.bytes(firstID: 3)
    let tokenizer = TextTokenizer(
      vocabulary: vocabulary, kind: .bytes, unknown: .refuse, startToken: 1, replacesInvalid: false)
    var cut = CutText(tokenizer)
    let run = try cut.check([0x61, 0xFF, 0xEA, 0xB0, 0x80, 0x0A])
    #expect(run.ids == [1, 0x64, 0x102, 0xED, 0xB3, 0x83, 0x0D])
    #expect(run.ends == [0, 1, 2, 3, 4, 5, 6])
    #expect(vocabulary.token(of: 0x64) == "a")
    #expect(vocabulary.token(of: 0x0D) == "<0x0A>")
    #expect(vocabulary.idBound == 259)
  }

  /// Every kind that holds scalars, at every cut of text with half characters and faults.
  @Test(arguments: TextTokenizerTests.kinds)
  func carriesSurviveTheirBytes(kind: TextTokenizer.Kind) throws {
    let tokenizer = try TextTokenizerTests.tokenizer(kind, unknown: .refuse)
    var cut = CutText(tokenizer)
    for text in TextTokenizerTests.texts {
      _ = try cut.check(Array(text.utf8) + [0xED, 0x95])
      _ = try cut.check([0xC3] + Array(text.utf8))
    }
    let long = Array(String(repeating: "\u{1112}a", count: 5000).utf8)
    #expect(try cut.run([Array(long[..<9001]), Array(long[9001...])]) == cut.run([long]))
  }

  @Test func bytesThatAreNoCarryAreRefused() throws {
    var carry = TokenizerCarry()
    carry.bytes = [0xED]
    carry.consume(1)
    let sound = carry.encoded()
    func error(_ bytes: [UInt8]) -> CarryError? {
      do {
        _ = try TokenizerCarry(decoding: bytes)
        return nil
      } catch {
        return error
      }
    }
    #expect(error(sound) == nil)
    for length in sound.indices { #expect(error(Array(sound[..<length])) != nil, "\(length)") }
    #expect(error([9] + sound[1...]) == .version(received: 9, expected: 1))
    #expect(error([1, 255] + sound[2...]) == .malformed("flags 255"))
    #expect(error(sound + [0xFF]) == .malformed("text that is not UTF-8"))
    var crossed = sound
    crossed[11] = 5
    #expect(error(crossed) == .malformed("bytes 5 to 0 of 1"))
    var unread = sound
    unread[3] = 0
    #expect(error(unread) == .malformed("1 bytes behind 0 of 0"))
  }

  @Test func refusalsStayOnOneLine() {
    let refusal = TokenizerRefusal.unknownToken("a\n\u{1b}[31m\"\u{202E}한", atByte: 3)
    #expect("\(refusal)" == #""a\n\u{1b}[31m\"\u{202e}한" at byte 3 is not in the vocabulary"#)
    let long = TokenizerRefusal.unknownToken(String(repeating: "x", count: 4000), atByte: 0)
    #expect("\(long)".count < 200)
  }
}
