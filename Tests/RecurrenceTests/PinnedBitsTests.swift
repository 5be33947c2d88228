import Testing

@testable import Recurrence

/// The bits that the reference gave when it was written.
///
/// Those of the gates and of the LSTM were equal to an independent C version of the same sequence,
/// in portable, AVX2 and AVX-512 form. A change here changes the answers of streams that are live
/// and makes recordings fail: it needs a reason.
struct PinnedBitsTests {
  @Test func gatesKeepTheirBits() {
    var sigmoids: [Float] = []
    var tangents: [Float] = []
    var x: Float = -30
    while x < 30 {
      sigmoids.append(Arithmetic.sigmoid(x))
      tangents.append(Arithmetic.tanh(x))
      x += 0.0078125
    }
    #expect(digest(sigmoids) == 6_008_758_025_692_806_727)
    #expect(digest(tangents) == 18_348_274_808_358_295_531)
  }

  @Test func otherActivationsKeepTheirBits() {
    let row = (-400..<400).map { Float($0) / 8 }
    let functions: [Activation] = [
      .gelu, .mish, .softplus, .logSoftmax, .softmax, .exponential, .selu,
    ]
    #expect(digest(functions.flatMap { $0(row) }) == 4_188_101_410_526_502_385)
  }

  @Test func lstmKeepsItsBits() throws {
    var layers = RandomLayers(seed: 81)
    let model = try Model(layers: [layers.lstm(9, 40)], input: .vectors(width: 9), name: "lstm")
    var random = RandomFloats(seed: 82)
    let state = model.makeState()
    let answers = model.answers(to: (0..<50).map { _ in random.floats(9) }, state: state)
    #expect(digest(answers.joined()) == 9_358_546_262_319_113_953)
    #expect(digest(state.floats[40...]) == 16_182_790_609_626_103_223)
  }

  @Test func everyOtherLayerKeepsItsBits() throws {
    let model = try RandomLayers.everyStatefulLayer()
    var random = RandomFloats(seed: 21)
    let state = model.makeState()
    let answers = model.answers(to: (0..<20).map { _ in random.floats(5) }, state: state)
    #expect(digest(answers.joined()) == 6_032_794_460_896_155_367)
    #expect(digest(state.floats) == 9_713_439_527_927_490_281)
  }
}
