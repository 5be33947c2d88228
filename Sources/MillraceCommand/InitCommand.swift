import ArgumentParser
import Foundation
import Millrace
import ModelFiles

struct InitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Write a pipeline file from a model's own input and output.",
    discussion: """
      How text or numbers become steps is taken from what the options say, from the model itself, \
      or from a tokenizer's file beside it (tokenizer.json, vectorization.json, tokenizer.model, \
      scaling.json). The file is checked as it is written; what is still missing is said.

      EXAMPLES:
        millrace init model.keras --labels labels.txt
        millrace init model.keras --vocabulary tokens.txt --output text.yaml
      """)

  @Argument(help: "A .keras, .h5, .safetensors, .onnx or .millrace file.", completion: .file())
  var model: String

  @Option(help: "Names of the classes, one a line.", completion: .file())
  var labels: String?

  @Option(help: "Tokens, one a line.", completion: .file())
  var vocabulary: String?

  @Option(
    help:
      "A tokenizer's file (tokenizer.json, a TextVectorization config, a SentencePiece model), or a kind: words, bytes, ...",
    completion: .file())
  var tokenizer: String?

  @Option(help: "The size of the frames that the model takes, as 48x64x3.")
  var frames: String?

  @Option(help: "Numbers of a row, where the model also takes rows before it.")
  var columns: Int?

  @Option(
    help: "Where to write it; - is standard output. Default: the model's name with .yaml, here.")
  var output: String?

  @Flag(help: "Overwrite a file that exists.")
  var force = false

  func run() async throws {
    try await failing {
      let url = URL(fileURLWithPath: model)
      let target = output ?? url.deletingPathExtension().lastPathComponent + ".yaml"
      let draft = try PipelineDraft(
        model: try loadModel(at: model),
        options: DraftOptions(
          labels: labels, vocabulary: vocabulary, tokenizer: tokenizer, frames: frames,
          columns: columns), target: target)
      let text = try draft.text()
      for notice in draft.notices { target == "-" ? complain(notice) : print(notice) }
      guard target != "-" else {
        print(text, terminator: "")
        return tryOut(text, as: "./pipeline.yaml", draft) { complain($0) }
      }
      guard force || !FileManager.default.fileExists(atPath: target) else {
        throw FileFailure("\(target) exists; name another with --output, or say --force")
      }
      if let file = draft.vocabularyFile {
        guard force || !FileManager.default.fileExists(atPath: file.path) else {
          throw FileFailure("\(file.path) exists; name the vocabulary, or say --force")
        }
        try OutputFile.write(Array(file.text.utf8), to: file.path)
        print("wrote \(file.path)")
      }
      try OutputFile.write(Array(text.utf8), to: target)
      print("wrote \(target)")
      tryOut(text, as: target, draft) { print($0) }
    }
  }

  private func tryOut(
    _ text: String, as path: String, _ draft: PipelineDraft, say: (String) -> Void
  ) {
    do {
      let pipeline = try PipelineBuilder(try PipelineFile(text: text, path: path)).build()
      for warning in pipeline.warnings { say("note: \(warning)") }
      say("checked: \(pipeline.edges)")
      say("next: \(try draft.example(output == "-" ? "FILE" : path))")
    } catch {
      // The file is there to be filled in: what is still missing is said, not failed on.
      say("still to fill in: \(error)")
    }
  }
}
