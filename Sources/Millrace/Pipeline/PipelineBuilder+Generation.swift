import Foundation
import ModelFiles
import Recurrence
import Tokenization

extension PipelineBuilder {
  /// What generates behind END, with the vocabulary of its tokens; nil for another `emit`.
  ///
  /// - Throws: a `ConfigurationError` at the key that does not fit, or a `ModelFileError`.
  func generation(
    for loaded: LoadedModel, _ vocabulary: Vocabulary?
  ) throws -> (settings: GenerationSettings, vocabulary: Vocabulary?)? {
    let model = loaded.model
    if loaded.decoder != nil, file.decoder == nil {
      throw file.error(
        at: "model",
        "holds an encoder and a decoder; say how the decoder begins: decoder: { start: TOKEN }")
    }
    guard case .generate(let section) = file.emit else {
      if file.decoder != nil {
        throw file.error(at: "decoder", "needs emit: { generate: { steps: N } }")
      }
      return nil
    }
    if let width = section.beam?.width, width > file.inference.batch {
      throw file.error(
        at: "emit", "searches \(width) wide, more than inference.batch, \(file.inference.batch)")
    }
    guard let decoderSection = file.decoder else {
      try check(generator: model, key: "emit")
      let until = try section.until.map { try id(of: $0, in: vocabulary, below: model) }
      let settings = GenerationSettings(
        steps: section.steps, until: until, sampler: section.sampler, beam: section.beam,
        seed: section.seed,
        decoder: nil)
      return (settings, vocabulary)
    }
    let decoder = try decoderModel(decoderSection, encoder: loaded)
    let words = try decoderSection.vocabularyFile.map {
      try readVocabulary($0, decoderSection.firstID)
    }
    let settings = GenerationSettings(
      steps: section.steps,
      until: try section.until.map { try id(of: $0, in: words, below: decoder) },
      sampler: section.sampler, beam: section.beam, seed: section.seed,
      decoder: GenerationSettings.Decoder(
        model: decoder, start: try id(of: decoderSection.start, in: words, below: decoder)))
    return (settings, words)
  }

  private func decoderModel(_ section: DecoderSection, encoder loaded: LoadedModel) throws -> Model
  {
    let encoder = loaded.model
    let decoder = try decoderModel(section, within: loaded)
    try check(generator: decoder, key: "decoder")
    let have = encoder.stateLayout.rows.map { "\($0.kind) of \($0.width)" }
    let want = decoder.stateLayout.rows.map { "\($0.kind) of \($0.width)" }
    guard have == want else {
      throw file.error(
        at: "decoder",
        "begins with a state of \(want.joined(separator: ", ")), but the model ends with "
          + have.joined(separator: ", "))
    }
    return decoder
  }

  /// The decoder of a file of its own, or of the same.
  private func decoderModel(_ section: DecoderSection, within loaded: LoadedModel) throws -> Model {
    guard let path = section.model else {
      guard let decoder = loaded.decoder else {
        throw file.error(
          at: "decoder", "names no model, and \(file.model) holds no decoder of its own")
      }
      return decoder
    }
    guard loaded.decoder == nil else {
      throw file.error(
        at: "decoder", "names \(path), and \(file.model) holds one already; keep one")
    }
    guard FileManager.default.fileExists(atPath: path) else {
      throw file.error(at: "decoder", "names \(path), which does not exist")
    }
    return try loadModel(at: path).with(file.precision).model
  }

  /// Answers are fed back: each must be a distribution over the model's own inputs.
  private func check(generator model: Model, key: String) throws {
    guard model.shape.answersEachStep else {
      throw file.error(at: key, "generates, but the model answers only at the end of a sequence")
    }
    let inputs = tokenCount(of: model)
    guard model.outputWidth == inputs else {
      throw file.error(
        at: key,
        "feeds answers back, but the model has \(model.outputWidth) outputs for \(inputs) inputs")
    }
    guard model.outputIsDistribution else {
      throw file.error(at: key, "draws tokens, but the model does not end in a softmax")
    }
  }

  private func tokenCount(of model: Model) -> Int {
    switch model.input {
    case .tokens(let count), .vectors(let count): count
    }
  }

  private func id(
    of token: GenerationSection.Token, in vocabulary: Vocabulary?, below model: Model
  ) throws -> Int32 {
    let count = tokenCount(of: model)
    switch token {
    case .id(let id):
      guard Int(id) < count else {
        throw file.error(at: "emit", "names token \(id), expected one of 0 to \(count - 1)")
      }
      return id
    case .text(let text):
      guard let id = vocabulary?.id(of: text) else {
        throw file.error(at: "emit", "names the token \"\(text)\", which the vocabulary has not")
      }
      return id
    }
  }
}
