import Foundation
import ModelFiles
import Recurrence
import Testing

@testable import Millrace

/// Which models may take another one's place.
struct SwapCheckTests {
  private static func loaded(_ path: String) throws -> LoadedModel {
    let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fixtures")
    return try loadModel(at: fixtures.appending(path: path).path, forSteppingOnly: true)
  }

  private func refusal(
    _ candidate: String, _ policy: SwapPolicy, rewarmSteps: Int = 4,
    beside: String = "remember/model.keras"
  ) throws -> String? {
    SwapCheck.refusal(
      of: try Self.loaded(candidate), beside: try Self.loaded(beside), policy,
      rewarmSteps: rewarmSteps, ownsLabels: true, ownsVocabulary: true)
  }

  @Test(arguments: SwapPolicy.allCases)
  func aModelOfTheSameShapeFits(policy: SwapPolicy) throws {
    #expect(try refusal("swap/other.keras", policy) == nil)
  }

  @Test func carryNeedsTheSameRowsOfState() throws {
    #expect(
      try refusal("remember/simplernn.keras", .carry)
        == "carry goes on with h and c: it keeps h 26, the model that serves h 26, c 26; "
        + "say --policy reset, drain or rewarm")
    for policy in [SwapPolicy.reset, .drain, .rewarm, .shadow] {
      #expect(try refusal("remember/simplernn.keras", policy) == nil)
    }
  }

  @Test func rewarmNeedsInputsThatAreKept() throws {
    let refusal = try refusal("swap/other.keras", .rewarm, rewarmSteps: 0)
    #expect(refusal?.contains("expected state: { rewarm: STEPS } in the pipeline file") == true)
  }

  @Test(arguments: SwapPolicy.allCases)
  func otherInputsAndOutputsAreRefusedNamingBoth(policy: SwapPolicy) throws {
    #expect(
      try refusal("hello/model.keras", policy)
        == "it takes vectors of 5, the model that serves token ids below 26")
    #expect(
      try refusal("motion/model.keras", policy, beside: "hello/model.keras")
        == "it takes vectors of 9, the model that serves vectors of 5")
  }

  // MARK: What streams keep

  /// Replaying in pieces, as far as inputs are kept, makes the state that whole steps make.
  @Test func rewarmedIsWhatTheLastInputsMakeOfZeros() throws {
    let model = try Self.loaded("remember/model.keras").model
    let tokens = (0..<200).map { Int32($0 * 7 % 26) }
    var recent = RecentInputs()
    for token in tokens { recent.append(token: token, limit: 150) }
    #expect(recent.count == 150)
    let again = try RecentInputs(decoding: recent.encoded())
    #expect(again.encoded() == recent.encoded())
    let state = model.makeState()
    var batch = StepBatch(model: model, capacity: 64)
    var from = 0
    while from < again.count {
      again.append(from: from, of: state, to: &batch)
      from += batch.count
      model.step(&batch)
      batch.removeAll()
    }
    let expected = model.makeState()
    for token in tokens.suffix(150) {
      batch.append(expected, token: token)
      model.step(&batch)
      batch.removeAll()
    }
    #expect(state.floats == expected.floats)
  }

  @Test func vectorsAreKeptAsTheyCame() throws {
    var recent = RecentInputs()
    for row in 0..<5 { recent.append(vector: [Float(row), -.zero, 0.5][...], limit: 3) }
    #expect(recent.count == 3)
    let bytes = recent.encoded()
    #expect(bytes.count == 4 + 3 * 3 * 4)
    #expect(try RecentInputs(decoding: bytes).encoded() == bytes)
    #expect(throws: RecentInputs.Damaged.self) {
      try RecentInputs(decoding: Array(bytes.dropLast(4)))
    }
    recent.removeAll()
    #expect(recent.encoded().isEmpty)
  }
}
