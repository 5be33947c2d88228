import Testing

@testable import Recurrence

/// A stream's answers depend on its own state and inputs alone, to the last bit.
struct StreamTests {
  private static let streamCount = 7
  private static let stepCount = 14

  private func rows(_ stream: Int) -> [[Float]] {
    var random = RandomFloats(seed: UInt64(100 + stream))
    return (0..<Self.stepCount).map { _ in random.floats(5) }
  }

  @Test func randomBatchesGiveTheBitsOfEachAlone() throws {
    let model = try RandomLayers.everyStatefulLayer()
    let alone = (0..<Self.streamCount).map { model.answers(to: rows($0), state: model.makeState()) }
    var random = RandomFloats(seed: 55)
    let states = (0..<Self.streamCount).map { _ in model.makeState() }
    var answers = [[[Float]]](repeating: [], count: Self.streamCount)
    var batch = StepBatch(model: model, capacity: Self.streamCount)
    while answers.contains(where: { $0.count < Self.stepCount }) {
      let ready = (0..<Self.streamCount).filter { answers[$0].count < Self.stepCount }
      let some = ready.shuffled(using: &random).prefix(Int.random(in: 1...7, using: &random))
      batch.removeAll()
      for stream in some { batch.append(states[stream], row: rows(stream)[answers[stream].count]) }
      model.step(&batch)
      for (position, stream) in some.enumerated() {
        answers[stream].append(Array(batch.output(position)))
      }
    }
    for stream in 0..<Self.streamCount { #expect(bits(answers[stream]) == bits(alone[stream])) }
  }

  @Test func aStateCutAnywhereGoesOnWithTheSameBits() throws {
    let model = try RandomLayers.everyStatefulLayer()
    let rows = rows(0)
    let whole = model.answers(to: rows, state: model.makeState())
    for cut in 0...rows.count {
      let first = model.makeState()
      let head = model.answers(to: Array(rows[..<cut]), state: first)
      let second = model.makeState()
      try second.load(first.floats)
      let tail = model.answers(to: Array(rows[cut...]), state: second)
      #expect(bits(head + tail) == bits(whole), "cut at \(cut)")
    }
  }

  @Test func layoutNamesEveryRow() throws {
    let model = try RandomLayers.everyStatefulLayer()
    let layout = model.stateLayout
    #expect(layout.rows.map(\.layerIndex) == [1, 1, 1, 1, 2, 2, 4, 5, 6])
    #expect(layout.rows.map(\.width) == [5, 5, 5, 5, 20, 20, 17, 6, 33])
    #expect(layout.rows.map(\.offset) == [0, 16, 32, 48, 64, 96, 128, 160, 176])
    #expect(layout.rows[4].kind == .h && layout.rows[5].kind == .c)
    #expect(layout.rows[0].kind == .past(stepsAgo: 4) && layout.rows[3].kind == .past(stepsAgo: 1))
    #expect(layout.rows[4].layerName == "lstm")
    #expect(layout.paddedCount == 224)
    #expect(layout.portableCount == 116)
  }

  @Test func rowsAreAlignedAndTheirPaddingStaysZero() throws {
    let model = try RandomLayers.everyStatefulLayer()
    let state = model.makeState()
    _ = model.answers(to: rows(0), state: state)
    #expect(UInt(bitPattern: state.start) % 64 == 0)
    var isPadding = [Bool](repeating: true, count: model.stateLayout.paddedCount)
    for row in model.stateLayout.rows {
      for j in 0..<row.width { isPadding[row.offset + j] = false }
    }
    for index in isPadding.indices where isPadding[index] { #expect(state.start[index] == 0) }
    #expect(state.floats.contains { $0 != 0 })
    #expect(state.row(model.stateLayout.rows[4]) == Array(state.floats[20..<40]))
    let copy = state.copy()
    state.zero()
    #expect(state.floats.allSatisfy { $0 == 0 })
    #expect(copy.floats.contains { $0 != 0 })
  }

  @Test func aStateOfAnotherModelIsRefused() throws {
    let state = try RandomLayers.everyStatefulLayer().makeState()
    #expect(throws: StateError.wrongCount(expected: 116, received: 115)) {
      try state.load([Float](repeating: 1, count: 115))
    }
    #expect(state.floats.allSatisfy { $0 == 0 })
  }

  @Test func aBatchStepsWithoutAllocatingRows() throws {
    let model = try RandomLayers.everyStatefulLayer()
    var batch = StepBatch(model: model, capacity: 2)
    let states = [model.makeState(), model.makeState()]
    var places: Set<UInt> = []
    for row in rows(3) {
      batch.removeAll()
      for state in states { batch.append(state, row: row) }
      model.step(&batch)
      let count = batch.count
      #expect(count == 2)
      places.insert(UInt(bitPattern: batch.output(0).baseAddress))
    }
    #expect(places.count <= 2)
  }
}
