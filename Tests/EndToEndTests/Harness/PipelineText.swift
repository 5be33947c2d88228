/// A pipeline file for a test, from the repository's models.
struct PipelineText {
  var tokenizer: String
  var model: String
  var labels: String?
  var workers = 1
  /// Other lines, as they stand in the file.
  var more: [String] = []
  /// What the `sink` key holds.
  var sink: [String] = []

  static var hello: PipelineText {
    PipelineText(
      tokenizer:
        "{ kind: characters, vocabulary: \(Checkout.path("Fixtures/hello/vocabulary.txt")) }",
      model: "Fixtures/hello/model.keras", labels: "Fixtures/hello/labels.txt")
  }

  static var motion: PipelineText {
    PipelineText(
      tokenizer: "{ kind: values, scaling: \(Checkout.path("Fixtures/motion/scaling.json")) }",
      model: "Fixtures/motion/model.keras", labels: "Fixtures/motion/labels.txt")
  }

  static var remember: PipelineText {
    PipelineText(
      tokenizer:
        "{ kind: characters, vocabulary: \(Checkout.path("Fixtures/remember/letters.txt")) }",
      model: "Fixtures/remember/model.keras", labels: "Fixtures/remember/letters.txt")
  }

  /// The file's text with the endpoints of one run.
  func text(ingress: String) -> String {
    var lines = [
      "ingress: \(ingress)", "tokenizer: \(tokenizer)", "model: \(Checkout.path(model))",
      "inference: { workers: \(workers) }",
    ]
    if let labels { lines.append("labels: \(Checkout.path(labels))") }
    if !sink.isEmpty { lines.append("sink: { \(sink.joined(separator: ", ")) }") }
    return (lines + more).joined(separator: "\n") + "\n"
  }
}
