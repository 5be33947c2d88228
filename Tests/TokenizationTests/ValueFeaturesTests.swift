import Foundation
import Testing

@testable import Tokenization

struct ValueFeaturesTests {
  struct Expected: Decodable {
    struct Case: Decodable, Sendable, CustomTestStringConvertible {
      struct Options: Decodable, Sendable {
        struct Resample: Decodable, Sendable {
          var column: Int
          var every: Double
          var method: String
        }

        var lag: [Int]?
        var difference: [Int]?
        var begin: String?
        var current: Bool?
        var missing: String?
        var mean: [Float]?
        var scale: [Float]?
        var resample: Resample?
      }

      var options: Options
      var rows: [[Float?]]
      var steps: [[Float]]
      var ends: [Int]

      var testDescription: String { "\(options)" }

      var flatRows: [Float] { rows.flatMap { $0.map { $0 ?? .nan } } }

      func features() throws -> ValueFeatures {
        let columns = rows[0].count - (options.resample == nil ? 0 : 1)
        let blocks =
          (options.current ?? true ? 1 : 0) + (options.lag?.count ?? 0)
          + (options.difference?.count ?? 0)
        let width = columns * blocks
        let scaling = try options.mean.map {
          try ValueScaling(mean: .each($0), scale: .each(options.scale ?? []), width: width)
        }
        let resampling = options.resample.map {
          ValueFeatures.Resampling(
            column: $0.column, every: $0.every,
            method: $0.method == "linear" ? .linear : .previous, gap: 100)
        }
        return try ValueFeatures(
          outputWidth: width, scaling: scaling,
          missing: ValueFeatures.Missing(rawValue: options.missing ?? "refuse") ?? .refuse,
          lags: options.lag ?? [], differences: options.difference ?? [],
          keepsCurrent: options.current ?? true,
          beginning: ValueFeatures.Beginning(rawValue: options.begin ?? "skip") ?? .skip,
          resampling: resampling)
      }
    }

    struct Frames: Decodable {
      var shape: [Int]
      var pixels: [[Float]]
      var flat: [[Float]]
      var grey: [[Float]]
    }

    var cases: [Case]
    var frames: Frames

    static func read() throws -> Expected {
      try JSONDecoder().decode(
        Expected.self, from: Data(TokenizerFixture.bytes("values/expected.json")))
    }
  }

  private func isClose(_ left: [Float], _ right: [Float]) -> Bool {
    left.count == right.count && zip(left, right).allSatisfy { abs($0 - $1) <= 1e-5 }
  }

  @Test func featuresAreThoseOfNumpyHoweverRowsAreCut() throws {
    let expected = try Expected.read()
    #expect(expected.cases.count == 15)
    let seed = UInt64.random(in: 1...UInt64.max)
    var state = seed
    for item in expected.cases {
      let features = try item.features()
      let rows = item.flatRows
      let width = features.inputWidth
      var whole = ValueCarry()
      var steps: [Float] = []
      var ends: [Int] = []
      try features.feed(rows, carry: &whole, into: &steps, ends: &ends)
      #expect(isClose(steps, item.steps.flatMap { $0 }), "\(item.options)")
      #expect(ends == item.ends, "\(item.options)")
      for _ in 0..<20 {
        var carry = ValueCarry()
        var cutSteps: [Float] = []
        var cutEnds: [Int] = []
        var from = 0
        while from < rows.count / width {
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          let to = min(rows.count / width, from + 1 + Int(state >> 33) % 5)
          carry = try ValueCarry(decoding: carry.encoded())
          #expect(features.fits(carry))
          var part: [Int] = []
          try features.feed(
            Array(rows[from * width..<to * width]), carry: &carry, into: &cutSteps, ends: &part)
          cutEnds += part.map { $0 + from }
          from = to
        }
        #expect(cutSteps == steps && cutEnds == ends, "seed \(seed), \(item.options)")
        #expect(carry == whole)
      }
    }
  }

  @Test func framesAreThoseOfKeras() throws {
    let frames = try Expected.read().frames
    for (isGrey, expected) in [(false, frames.flat), (true, frames.grey)] {
      let width = expected[0].count
      let features = try FrameFeatures(
        height: frames.shape[0], width: frames.shape[1], channels: frames.shape[2],
        isGrey: isGrey,
        scaling: ValueScaling(mean: .all(0), scale: .all(255), width: width))
      #expect(features.outputWidth == width && features.inputWidth == 60)
      var steps: [Float] = []
      for pixels in frames.pixels { features.append(pixels, to: &steps) }
      #expect(isClose(steps, expected.flatMap { $0 }))
    }
  }

  @Test("fault 19: a row that is refused takes nothing")
  func aRefusedRowTakesNothing() throws {
    let features = try ValueFeatures(
      outputWidth: 2, missing: .previous, lags: [1], beginning: .repeated,
      resampling: .init(column: 0, every: 1, method: .previous, gap: 10))
    var carry = ValueCarry()
    func refusal(_ rows: [Float]) -> ValueRefusal? {
      var steps: [Float] = []
      var ends: [Int] = []
      let before = carry
      do {
        try features.feed(rows, carry: &carry, into: &steps, ends: &ends)
        return nil
      } catch {
        #expect(carry == before && steps.isEmpty && ends.isEmpty)
        return error
      }
    }
    #expect(refusal([0, .nan]) == .nothingBefore(row: 0, column: 0))
    #expect(refusal([0, 1, 1, .infinity]) == .notFinite(row: 1, column: 0, value: .infinity))
    #expect(refusal([0, 1, 1, .nan]) == nil)
    #expect(refusal([1, 5]) == .notLater(row: 0, time: 1, last: 1))
    #expect(refusal([2, 5, 13, 1]) == .longGap(row: 1, time: 13, last: 2, limit: 10))
    #expect(refusal([2, 5, 12, 1]) == nil)
    #expect(refusal([.nan, 5]) != nil)
  }

  @Test func wrongOptionsAreRefused() throws {
    func error(_ make: () throws -> ValueFeatures) -> ValueFeatureError? {
      do {
        _ = try make()
        return nil
      } catch {
        return error as? ValueFeatureError
      }
    }
    #expect(error { try ValueFeatures(outputWidth: 2, keepsCurrent: false) } == .noFeatures)
    #expect(
      error { try ValueFeatures(outputWidth: 5, lags: [1]) } == .unevenWidth(width: 5, blocks: 2))
    #expect(error { try ValueFeatures(outputWidth: 2, missing: .mean) } == .noMean)
    #expect(
      error {
        try ValueFeatures(
          outputWidth: 2, resampling: .init(column: 3, every: 1, method: .linear, gap: 1))
      } == .noTimeColumn(3, columns: 3))
    #expect(throws: FrameFeatures.Failure.greyNeedsColours(channels: 1)) {
      try FrameFeatures(
        height: 1, width: 2, channels: 1, isGrey: true,
        scaling: ValueScaling(mean: .all(0), scale: .all(1), width: 2))
    }
    #expect(throws: FrameFeatures.Failure.wrongWidth(received: 2, expected: 3)) {
      try FrameFeatures(
        height: 1, width: 2, channels: 1, isGrey: false,
        scaling: ValueScaling(mean: .all(0), scale: .all(1), width: 3))
    }
  }

  @Test func bytesThatAreNoCarryAreRefused() throws {
    var carry = ValueCarry()
    carry.rows = [1, 2]
    carry.known = [3, 4]
    carry.grid = .init(start: 0.5, next: 3, time: 2, row: [5, 6])
    let sound = carry.encoded()
    #expect(try ValueCarry(decoding: sound) == carry)
    for length in sound.indices {
      #expect(throws: CarryError.self) { try ValueCarry(decoding: sound[..<length]) }
    }
    #expect(throws: CarryError.malformed("1 bytes more")) { try ValueCarry(decoding: sound + [0]) }
    #expect(throws: CarryError.version(received: 7, expected: 1)) {
      try ValueCarry(decoding: [7] + sound[1...])
    }
  }
}
