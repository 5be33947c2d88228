import Testing

@testable import Recurrence

struct OneHotTests {
  @Test func aTokenIsItsOneHotRow() throws {
    var layers = RandomLayers(seed: 31)
    let model = try Model(
      layers: [layers.gru(6, 9), layers.dense(9, 6, .softmax)], input: .vectors(width: 6),
      name: "characters")
    let tokens: [Int32] = [0, 5, 2, 2, 3, 1]
    let rows = tokens.map { token in (0..<6).map { Float($0 == Int(token) ? 1 : 0) } }
    let byToken = model.answers(toTokens: tokens, state: model.makeState())
    #expect(bits(byToken) == bits(model.answers(to: rows, state: model.makeState())))
  }

  /// The multiplications by 0 change no bit, not even the sign of a zero, because a bias of -0 is
  /// stored as +0: so a table of `bias + row` may stand in for the products.
  @Test func oneHotProductsAreTheBiasPlusOneRow() throws {
    let special: [Float] = [0, -0.0, 0x1p-149, -0x1p-149, 0.1, -0.1, 1, -1, 3e38, -3e38, 0x1p-126]
    let width = special.count
    // Unit u * width + v has bias special[u]; row k holds special[(k + v) mod width].
    let units = width * width
    let bias = (0..<units).map { special[$0 / width] }
    let kernel = Matrix(
      rows: width, columns: units,
      values: (0..<width * units).map { special[($0 / units + $0 % units) % width] })
    let model = try Model(
      layers: [
        .dense(Dense(name: "dense", kernel: kernel, bias: bias, activation: .linear))
      ], input: .vectors(width: width), name: "special")
    for token in 0..<width {
      let answer = model.answers(toTokens: [Int32(token)], state: model.makeState())[0]
      let direct = (0..<units).map { (bias[$0] + 0) + kernel[token, $0] }
      #expect(bits([answer]) == bits([direct]), "token \(token)")
    }
  }

  @Test func aBiasOfMinusZeroIsPlusZero() throws {
    let zero = Matrix(rows: 1, columns: 1, values: [-0.0])
    let dense = Dense(name: "dense", kernel: zero, bias: [-0.0], activation: .linear)
    let model = try Model(layers: [.dense(dense)], input: .vectors(width: 1), name: "zero")
    let answer = model.answers(toTokens: [0], state: model.makeState())
    #expect(bits(answer) == [[0]])
  }
}
