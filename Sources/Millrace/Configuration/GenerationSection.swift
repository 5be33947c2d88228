import Recurrence

/// `emit: { generate: ... }`: answers are fed back as inputs from a stream's END on.
package struct GenerationSection: Sendable, Equatable {
  /// A token as the file names it.
  package enum Token: Sendable, Equatable {
    case id(Int32)
    case text(String)
  }

  /// At most so many answers.
  package var steps: Int
  /// The token that ends it, and is no answer itself.
  package var until: Token?
  package var sampler: Sampler
  /// Instead of the sampler.
  package var beam: BeamSearch.Settings?
  /// Each stream begins its choices with it.
  package var seed: UInt64

  static let keys = [
    "steps", "until", "sample", "temperature", "k", "p", "seed", "width", "length-power",
  ]

  private enum Sample: String, CaseIterable {
    case greedy
    case temperature
    case topK = "top-k"
    case topP = "top-p"
    case beam
  }

  init(_ section: YAMLSection) throws(ConfigurationError) {
    guard let steps = try section.integer("steps", in: 1...Limits.generatedSteps) else {
      throw section.error("steps", "is missing: how many steps to generate at most")
    }
    self.steps = steps
    until = try GenerationSection.token("until", of: section)
    seed = UInt64(try section.integer("seed", in: 0...Int.max) ?? 0)
    let sample = try section.choice("sample", Sample.self) ?? .greedy
    let wanted: KeyValuePairs<String, Sample> = [
      "k": .topK, "p": .topP, "width": .beam, "length-power": .beam,
    ]
    for (key, kind) in wanted where kind != sample && section.has(key) {
      throw section.error(key, "goes with sample: \(kind.rawValue), not \(sample.rawValue)")
    }
    let takesNoChance = sample == .greedy || sample == .beam
    for key in ["temperature", "seed"] where takesNoChance && section.has(key) {
      throw section.error(key, "does not go with sample: \(sample.rawValue), which takes no chance")
    }
    let temperature = Float(
      try section.number("temperature", in: 0.01...100) ?? 1)
    switch sample {
    case .greedy: sampler = Sampler(method: .greedy)
    case .beam:
      sampler = Sampler(method: .greedy)
      beam = try GenerationSection.beam(section, steps: steps)
    case .temperature: sampler = Sampler(method: .temperature, temperature: temperature)
    case .topK:
      guard let k = try section.integer("k", in: 1...1_000_000) else {
        throw section.error("k", "is missing: sample: top-k needs it")
      }
      sampler = Sampler(method: .topK(k), temperature: temperature)
    case .topP:
      guard let p = try section.number("p", in: 0...1), p > 0 else {
        throw section.error("p", "is missing or 0: sample: top-p needs a number up to 1")
      }
      sampler = Sampler(method: .topP(Float(p)), temperature: temperature)
    }
  }

  private static func beam(
    _ section: YAMLSection, steps: Int
  ) throws(ConfigurationError) -> BeamSearch.Settings {
    guard let width = try section.integer("width", in: 2...Limits.beamWidth) else {
      throw section.error("width", "is missing: sample: beam needs 2 to \(Limits.beamWidth)")
    }
    guard steps <= Limits.beamSteps else {
      throw section.error(
        "steps", "is \(steps), expected at most \(Limits.beamSteps) with sample: beam")
    }
    let power = try section.number("length-power", in: 0...2) ?? 0
    return BeamSearch.Settings(width: width, lengthPower: Float(power))
  }

  static func token(_ key: String, of section: YAMLSection) throws(ConfigurationError) -> Token? {
    guard let text = try section.text(key) else { return nil }
    if let id = Int32(text), id >= 0, !section.isQuoted(key) { return .id(id) }
    return .text(text)
  }
}

/// `decoder`: a second model that begins with the state in which a stream's END leaves the first.
package struct DecoderSection: Sendable, Equatable {
  /// Its file; nil where the pipeline's model is an encoder and a decoder in one.
  package var model: String?
  /// Its tokens in the order of their ids; nil where its answers are ids.
  package var vocabularyFile: String?
  package var firstID: Int32 = 0
  /// Its first input.
  package var start: GenerationSection.Token

  static let keys = ["model", "vocabulary", "first-id", "start"]

  init(_ section: YAMLSection, resolve: (String) -> String) throws(ConfigurationError) {
    model = try section.text("model").map(resolve)
    vocabularyFile = try section.text("vocabulary").map(resolve)
    firstID = Int32(try section.integer("first-id", in: 0...Int(Int32.max)) ?? 0)
    guard let start = try GenerationSection.token("start", of: section) else {
      throw section.error("start", "is missing: the decoder's first input")
    }
    self.start = start
  }
}
