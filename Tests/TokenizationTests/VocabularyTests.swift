import Foundation
import Testing
import Tokenization

struct VocabularyTests {
  @Test func readsOneTokenALine() throws {
    let vocabulary = try Vocabulary(text: Array("a\r\nb\nc\n".utf8), firstID: 3)
    #expect(vocabulary.count == 3)
    #expect(vocabulary.id(of: "b") == 4)
    #expect(vocabulary.token(of: 5) == "c")
    #expect(vocabulary.token(of: 2) == nil)
    #expect(vocabulary.token(of: 6) == nil)
    #expect(vocabulary.idBound == 6)
  }

  @Test func namesWhatIsWrong() {
    #expect(throws: VocabularyError.empty) { try Vocabulary(text: [UInt8](), firstID: 0) }
    #expect(throws: VocabularyError.notUTF8) { try Vocabulary(text: [0xFF] as [UInt8], firstID: 0) }
    #expect(throws: VocabularyError.emptyToken(line: 2)) {
      try Vocabulary(text: Array("a\n\nb\n".utf8), firstID: 0)
    }
    #expect(throws: VocabularyError.duplicate(token: "a", line: 3, firstLine: 1)) {
      try Vocabulary(text: Array("a\nb\na\n".utf8), firstID: 0)
    }
  }

  @Test func twoSpellingsAreTwoTokens() throws {
    let vocabulary = try Vocabulary(tokens: ["\u{e9}", "e\u{301}"], firstID: 0)
    #expect(vocabulary.id(of: "\u{e9}") == 0)
    #expect(vocabulary.id(of: "e\u{301}") == 1)
  }

  // numpy: (np.float32([1.5, -2]) - np.float32([0.1, 0.2])) / np.float32([0.3, 0.7])
  @Test func scalesAsNumpyDoesIn32Bits() throws {
    let scaling = try ValueScaling(mean: .each([0.1, 0.2]), scale: .each([0.3, 0.7]), width: 2)
    var values: [Float] = [1.5, -2]
    scaling.apply(to: &values)
    #expect(values == [4.666_666_5, -3.142_857_3])
  }

  @Test func refusesScalingsThatDoNotFit() {
    #expect(throws: ValueScaling.Failure.zeroScale(column: 1)) {
      try ValueScaling(mean: .all(0), scale: .each([1, 0]), width: 2)
    }
    #expect(throws: ValueScaling.Failure.wrongCount(key: "mean", received: 3, expected: 2)) {
      try ValueScaling(json: Data(#"{"mean":[1,2,3],"std":[1,1]}"#.utf8), width: 2)
    }
    #expect(throws: ValueScaling.Failure.wrongCount(key: "mean", received: 1, expected: 2)) {
      try ValueScaling(mean: .each([1]), scale: .each([1, 2]), width: 2)
    }
    #expect(throws: ValueScaling.Failure.wrongCount(key: "scale", received: 1, expected: 2)) {
      try ValueScaling(json: Data(#"{"mean":0,"std":[1]}"#.utf8), width: 2)
    }
    #expect(throws: ValueScaling.Failure.missing(key: "std")) {
      try ValueScaling(json: Data(#"{"mean":[1,2]}"#.utf8), width: 2)
    }
  }
}
