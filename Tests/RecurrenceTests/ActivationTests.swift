import Foundation
import Testing

@testable import Recurrence

struct ActivationTests {
  @Test func softmaxSumsToOne() {
    var random = RandomFloats(seed: 3)
    for count in [1, 2, 15, 16, 17, 100, 1000] {
      for limit: Float in [0.1, 5, 80, 1e4] {
        let values = Activation.softmax(random.floats(count, limit: limit))
        #expect(values.allSatisfy { $0 >= 0 && $0 <= 1 })
        #expect(abs(values.reduce(0.0) { $0 + Double($1) } - 1) < 1e-6)
      }
    }
  }

  @Test func softmaxOfVastlySmallerUnitsIsZero() {
    #expect(Activation.softmax([0, -1e9, -200]) == [1, 0, 0])
    #expect(Activation.softmax([1e30, 1e30]) == [0.5, 0.5])
  }

  @Test func logSoftmaxIsTheLogarithmOfSoftmax() {
    var random = RandomFloats(seed: 4)
    let row = random.floats(33, limit: 6)
    for (logarithm, value) in zip(Activation.logSoftmax(row), Activation.softmax(row)) {
      #expect(abs(Double(logarithm) - log(Double(value))) < 2e-6)
    }
  }

  @Test func hardSigmoidDiffersByKerasVersion() {
    let x: [Float] = [-4, -3, -2.75, 0, 1, 2.75, 4]
    #expect(Activation.hardSigmoid(x) == x.map { min(max($0 + 3, 0), 6) / 6 })
    #expect(Activation.hardSigmoidKeras2(x) == [0, 0, 0, 0.5, 0.7, 1, 1])
  }

  @Test func reluAtItsOptions() {
    let relu = Activation.limitedRelu(maxValue: 4, negativeSlope: 0.5, threshold: 1)
    #expect(relu([-3, 0, 1, 1.5, 4, 9]) == [-2, -0.5, 0, 1.5, 4, 4])
  }

  @Test func everyUnitFunctionKeepsNotANumber() {
    let functions: [Activation] = [
      .linear, .tanh, .sigmoid, .hardSigmoid, .hardSigmoidKeras2, .relu, .relu6, .selu, .softplus,
      .limitedRelu(maxValue: 3, negativeSlope: 0.1, threshold: 1), .leakyRelu(negativeSlope: 0.2),
      .elu(alpha: 1), .celu(alpha: 1), .softsign, .exponential, .gelu, .geluApproximate, .silu,
      .hardSilu, .mish, .hardTanh, .tanhShrink, .softShrink(threshold: 0.5),
      .hardShrink(threshold: 0.5), .threshold(threshold: 1, value: 0), .squareplus(b: 4),
      .sparsePlus, .sparseSigmoid, .logSigmoid,
    ]
    for function in functions {
      #expect(function([.nan])[0].isNaN, "\(function)")
      #expect(function([0.5])[0].isFinite, "\(function)")
      #expect(!function([-1e30])[0].isNaN, "\(function)")
    }
  }
}
