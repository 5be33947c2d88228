import Foundation
import Testing

@testable import Recurrence

struct ArithmeticTests {
  /// Distance from the exact value in units of the last place of the float nearest to it.
  private func ulps(_ value: Float, from exact: Double) -> Double {
    abs(Double(value) - exact) / Double(Float(exact).ulp)
  }

  /// The worst distance over evenly spaced floats and over every 4093rd bit pattern in a range.
  private func worst(
    in range: ClosedRange<Float>, _ function: (Float) -> Float, _ exact: (Double) -> Double
  ) -> (ulps: Double, x: Float) {
    var worst = (ulps: 0.0, x: Float(0))
    func look(_ x: Float) {
      let distance = ulps(function(x), from: exact(Double(x)))
      if distance > worst.ulps { worst = (distance, x) }
    }
    let width = range.upperBound - range.lowerBound
    for i in 0...20_000 {
      look(min(range.lowerBound + width * (Float(i) / 20_000), range.upperBound))
    }
    var pattern: UInt32 = 0x0080_0000
    while pattern < 0x7f80_0000 {
      let x = Float(bitPattern: pattern)
      if range.contains(x) { look(x) }
      if range.contains(-x) { look(-x) }
      pattern += 40_093
    }
    return worst
  }

  @Test func sigmoidIsWithinThreeUlps() {
    let worst = worst(in: -86.9...86.9, Arithmetic.sigmoid) { 1 / (1 + exp(-$0)) }
    #expect(worst.ulps <= 3, "at \(worst.x)")
  }

  @Test func tanhIsWithinThreeUlps() {
    let worst = worst(in: -100...100, Arithmetic.tanh) { tanh($0) }
    #expect(worst.ulps <= 3, "at \(worst.x)")
  }

  @Test func exponentialIsWithinThreeUlps() {
    let worst = worst(in: -87...88.37, Arithmetic.exponential) { exp($0) }
    #expect(worst.ulps <= 3, "at \(worst.x)")
  }

  @Test func exponentialMinusOneIsWithinThreeUlps() {
    let worst = worst(in: -87...88.37, Arithmetic.exponentialMinusOne) { expm1($0) }
    #expect(worst.ulps <= 3, "at \(worst.x)")
  }

  @Test func logarithmsAreWithinThreeUlps() {
    let plain = worst(in: 1...1e30, Arithmetic.logarithm) { log($0) }
    #expect(plain.ulps <= 3, "at \(plain.x)")
    let near = worst(in: 0...1, Arithmetic.logarithmOfOnePlus) { log1p($0) }
    #expect(near.ulps <= 3, "at \(near.x)")
  }

  @Test func complementaryErrorIsWithinItsFormula() {
    for i in 0...10_000 {
      let x = Float(i) / 1000
      #expect(abs(Double(Arithmetic.complementaryError(x)) - erfc(Double(x))) < 5e-7)
    }
  }

  @Test func limitsAreAsDocumented() {
    #expect(Arithmetic.exponential(-87.1) == 0)
    #expect(Arithmetic.exponential(-.infinity) == 0)
    #expect(Arithmetic.exponential(-87) > 0)
    #expect(Arithmetic.exponential(.infinity) == Arithmetic.exponential(88.37))
    #expect(Arithmetic.exponential(.infinity).isFinite)
    #expect(Arithmetic.exponential(0) == 1)
    #expect(Arithmetic.sigmoid(0) == 0.5)
    #expect(Arithmetic.sigmoid(.infinity) == 1)
    #expect(Arithmetic.sigmoid(-.infinity) < 2e-38)
    #expect(Arithmetic.tanh(.infinity) == 1)
    #expect(Arithmetic.tanh(-.infinity) == -1)
    #expect(Arithmetic.tanh(0) == 0)
  }

  @Test func notANumberStaysOne() {
    #expect(Arithmetic.sigmoid(.nan).isNaN)
    #expect(Arithmetic.tanh(.nan).isNaN)
    #expect(Arithmetic.exponential(.nan).isNaN)
    #expect(Arithmetic.exponentialMinusOne(.nan).isNaN)
  }

  @Test func partialSumsFoldInTheDecidedOrder() {
    // Sum 0 holds 1 and then 2^-24, which it loses; sum 8 keeps its own 2^-24.
    var row = [Float](repeating: 0, count: 32)
    row[0] = 1
    row[16] = 0x1p-24
    #expect(PartialSums.sum(row, count: 32) == 1)
    row[16] = 0
    row[8] = 0x1p-24
    row[24] = 0x1p-24
    #expect(PartialSums.sum(row, count: 32) == 1 + 0x1p-23)
    // 8, then 4, then 2, then 1: 2^24 meets -2^24 at the fold by 8 and leaves the small ones whole.
    var wide = [Float](repeating: 0, count: 16)
    wide[3] = 0x1p24
    wide[11] = -0x1p24
    wide[1] = 1
    wide[7] = 1
    #expect(PartialSums.sum(wide, count: 16) == 2)
    // By 4 it is too late for the one that joined sum 3 at the fold by 8.
    wide[11] = 1
    wide[7] = -0x1p24
    #expect(PartialSums.sum(wide, count: 16) == 1)
  }

  @Test func partialSumsTakeAnyCount() {
    for count in 0...40 {
      let row = (0..<count).map { Float($0) }
      #expect(PartialSums.sum(row, count: count) == Float(count * (count - 1) / 2))
      #expect(
        PartialSums.dot(row, row, count: count)
          == row.reduce(0) { $0 + $1 * $1 })
    }
  }
}
