import Durability
import Testing
import Wire

@testable import Millrace

/// On which model a stream's next message runs.
struct ModelSeriesTests {
  /// One model behind the other, swapped in by these.
  private func series(_ policies: SwapPolicy...) -> ModelSeries {
    var series = ModelSeries(ModelRecord(generation: 0, policy: "", path: "/0", hash: "sha256:0"))
    for (index, policy) in policies.enumerated() {
      series.append(
        ModelRecord(
          generation: UInt64(index + 1), policy: policy.rawValue, path: "/\(index + 1)",
          hash: "sha256:\(index + 1)"))
    }
    return series
  }

  @Test func livesPassEverySwapButADrain() {
    let series = series(.carry, .drain, .reset, .drain, .rewarm)
    #expect((0...5).map { series.successor(of: $0) } == [1, 1, 3, 3, 5, 5])
    #expect(series.current.generation == 5)
  }

  @Test func aStreamThatSleptIsMovedOnce() {
    let series = series(.carry, .rewarm, .carry, .reset, .carry)
    #expect(series.policy(from: 0, to: 1) == .carry)
    #expect(series.policy(from: 0, to: 3) == .rewarm)
    #expect(series.policy(from: 2, to: 3) == .carry)
    #expect(series.policy(from: 1, to: 5) == .reset)
    #expect(series.policy(from: 4, to: 5) == .carry)
  }

  /// A model is needed as long as a life ends up on it, parked ones included.
  @Test func modelsAreUnusedOnceNoLifeGoesOnWithThem() {
    var series = series(.drain, .carry)
    #expect(series.unused(by: [0: 1, 1: 4]).map(\.generation) == [1])
    #expect(series.unused(by: [0: 0, 2: 4]).map(\.generation) == [0, 1])
    series.release(1)
    #expect(series.unused(by: [1: 7]).map(\.generation) == [0])
    #expect(series.held.map(\.generation) == [0, 2])
    // What a released one's streams go over to stays known.
    #expect(series.successor(of: 1) == 2)
  }

  /// The generation shares a word with the place and two bits, and none disturbs another.
  @Test func aHeaderKeepsGenerationAndPlaceApart() {
    var header = Header(kind: .data)
    header.generation = Header.generationMax
    header.place = MessagePlace(life: .max, messages: 1 << 40 - 1)
    header.isAgain = true
    header.isReplayed = true
    #expect(header.generation == Header.generationMax)
    #expect(header.place == MessagePlace(life: .max, messages: 1 << 40 - 1))
    header.generation = 5
    header.isAgain = false
    header.place.messages = 7
    #expect(header.generation == 5)
    #expect(header.place.messages == 7)
    #expect(!header.isAgain && header.isReplayed)
  }

  // MARK: Swapping

  @Test func aSwapWaitsForEveryWorker() {
    let candidate = ModelRecord(generation: 1, policy: "carry", path: "/b", hash: "")
    var read = candidate
    read.hash = "sha256:b"
    var swap = SwapUnderWay(candidate, attempt: 9, workers: 2, dueMilliseconds: 0)
    #expect(swap.take(read, from: 1) == .wait)
    #expect(swap.missing == [0])
    // One that was started anew has it no more.
    swap.forget(1)
    #expect(swap.take(read, from: 0) == .wait)
    #expect(swap.take(read, from: 1) == .go(read))
    var other = read
    other.hash = "sha256:c"
    #expect(
      swap.take(other, from: 1)
        == .refuse("/b is not the same file for all workers: sha256:b and sha256:c"))
  }

  @Test func messagesComeBack() throws {
    var message = ModelMessage(.series, series(.carry).records, attempt: .max)
    message.shadow = message.models[1]
    message.report = ShadowReport(
      steps: 3, labelsDiffer: 1, largestDifference: 0.25, differenceSum: 0.5)
    let json = try message.json
    #expect(try json.withUnsafeBytes { try ModelMessage(payload: $0) } == message)
  }

  @Test func aShadowCountsWhatDiffers() {
    var report = ShadowReport()
    func compare(_ answer: [Float], _ shadow: [Float]) {
      answer.withUnsafeBufferPointer { answer in
        shadow.withUnsafeBufferPointer {
          report.compare(answer, with: $0, areDistributions: true)
        }
      }
    }
    compare([0.75, 0.25], [0.75, 0.25])
    compare([0.75, 0.25], [0.25, 0.75])
    #expect(
      report
        == ShadowReport(steps: 2, labelsDiffer: 1, largestDifference: 0.5, differenceSum: 0.5))
    #expect(report.meanDifference == 0.25)
    #expect((report + report).labelsDiffer == 2)
  }
}
