import ArgumentParser
import Millrace

struct SimilarCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "similar",
    abstract: "Nearest words by cosine similarity in a model's Embedding.",
    discussion: """
      The ten nearest words; or, with other words behind it, the similarity to each.

      EXAMPLES:
        millrace similar Pipelines/topics.yaml oil
        millrace similar Pipelines/topics.yaml oil crude gold
      """)

  @Argument(help: "A pipeline file, or a model file.", completion: .file())
  var file: String

  @Argument(help: "A word of the vocabulary, or a token id where there is none.")
  var word: String

  @Argument(help: "Other words to compare it with.")
  var others: [String] = []

  @Option(help: "For a model file: its tokens, one a line.", completion: .file())
  var vocabulary: String?

  @Option(help: "The id of the vocabulary's first line.")
  var firstID: Int32 = 0

  @Option(help: "How many.")
  var count = 10

  func run() async throws {
    try await failing {
      let tokens = try SimilarTokens(path: file, vocabularyPath: vocabulary, firstID: firstID)
      let lines =
        others.isEmpty
        ? try tokens.nearest(to: word, count: max(1, count))
        : try tokens.compare(word, with: others)
      lines.forEach { print($0) }
    }
  }
}
