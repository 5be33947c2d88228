import Foundation
import Testing

/// `millrace similar`, against cosines that NumPy computed.
struct SimilarTests {
  private struct Line: Decodable, Equatable {
    var word: String?
    var token: String?
    var id: Int
    var similarity: Double
  }

  private func lines(_ arguments: [String]) throws -> [Line] {
    let run = try ChildProcess.run(["similar"] + arguments)
    #expect(run.exitCode == 0, "\(run.errorLines)")
    return try run.outputLines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
  }

  private static func expected() throws -> [String: [Line]] {
    let lines = try Checkout.lines("Fixtures/topics/similar.jsonl").map {
      try JSONDecoder().decode(Line.self, from: Data($0.utf8))
    }
    return Dictionary(grouping: lines, by: { $0.word ?? "" })
  }

  @Test(arguments: ["oil", "bank", "gold", "dollar"])
  func theNearestWordsAreNumPys(word: String) throws {
    let expected = try #require(try Self.expected()[word])
    let lines = try lines([Checkout.path("Pipelines/topics.yaml"), word, "--count", "5"])
    #expect(lines.map(\.id) == expected.map(\.id))
    #expect(lines.map(\.token) == expected.map(\.token))
    for (line, wanted) in zip(lines, expected) {
      #expect(abs(line.similarity - wanted.similarity) < 1e-6)
    }
    // The same from the model file alone, and of two words.
    let model = [
      Checkout.path("Fixtures/topics/model.keras"), word, "--first-id", "3", "--vocabulary",
      Checkout.path("Fixtures/topics/vocabulary.txt"),
    ]
    #expect(try self.lines(model + ["--count", "5"]) == lines)
    let other = try #require(lines.first { $0.id >= 3 }?.token)
    #expect(try self.lines(model + [other, word]).map(\.similarity) == [lines[0].similarity, 1])
  }

  @Test(arguments: [
    (["Pipelines/topics.yaml", "qqq"], "\"qqq\" is not in the vocabulary"),
    (["Fixtures/topics/model.keras", "oil"], "is no token id; give the words with --vocabulary"),
    (["Fixtures/topics/model.keras", "1000"], "the Embedding has 1000 rows"),
    (["Fixtures/hello/model.keras", "1"], "does not begin with an Embedding"),
  ])
  func whatHasNoRowIsNamed(arguments: [String], words: String) throws {
    let run = try ChildProcess.run(["similar", Checkout.path(arguments[0]), arguments[1]])
    #expect(run.exitCode == 65)
    #expect(run.errorLines.count == 1)
    #expect(run.errorLines.first?.contains(words) == true, "\(run.errorLines)")
  }
}
