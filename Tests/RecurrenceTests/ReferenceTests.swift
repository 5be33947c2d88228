import Testing

@testable import Recurrence

/// Every layer and activation against Keras' own answers, each step.
struct ReferenceTests {
  private func isNear(_ value: Float, _ expected: Float) -> Bool {
    abs(Double(value) - Double(expected)) <= 2e-5 + 2e-4 * abs(Double(expected))
  }

  private func model(of reference: ReferenceFile.Case) throws -> Model {
    var layers: [Layer] = []
    var width = reference.input.width
    for description in reference.layers {
      let layer = try description.layer(width: width)
      width = layer.outputWidth ?? width
      layers.append(layer)
    }
    let input: ModelInput =
      if let tokens = reference.input.tokens {
        .tokens(vocabulary: tokens)
      } else {
        .vectors(width: reference.input.width ?? 0)
      }
    return try Model(layers: layers, input: input, name: reference.name)
  }

  @Test func eachStepMatchesKeras() throws {
    let file = try ReferenceFile.read()
    #expect(file.cases.count == 24)
    for reference in file.cases {
      let model = try model(of: reference)
      let state = model.makeState()
      var answers: [[Float]]
      if let ids = reference.input.ids {
        answers = model.answers(toTokens: ids, state: state)
      } else {
        answers = model.answers(to: reference.input.rows ?? [], state: state)
      }
      switch reference.mode {
      case "many_to_many": #expect(model.shape == .manyToMany, "\(reference.name)")
      case "many_to_one": #expect(model.shape == .manyToOne, "\(reference.name)")
      default:
        #expect(model.shape == .oneToMany(count: reference.answers.count), "\(reference.name)")
        let decoded = model.decode(state)
        answers = (0..<decoded.rows).map { decoded.row($0) }
      }
      #expect(answers.count == reference.answers.count, "\(reference.name)")
      for (step, (answer, expected)) in zip(answers, reference.answers).enumerated() {
        #expect(
          answer.count == expected.count && zip(answer, expected).allSatisfy(isNear),
          "\(reference.name), step \(step): expected \(expected), received \(answer)")
      }
    }
  }

  @Test func eachActivationMatchesKeras() throws {
    let rows = try ReferenceFile.read().activations
    #expect(rows.count == 36)
    for row in rows {
      let activation = try row.options.activation(named: row.name)
      for (x, (value, expected)) in zip(row.x, zip(activation(row.x), row.y)) {
        #expect(isNear(value, expected), "\(activation) of \(x)")
      }
    }
  }
}
