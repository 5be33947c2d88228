import Durability
import Foundation
import Recurrence
import Testing
import Tokenization
import Wire

@testable import Millrace

/// The checkpoint files that the fuzzer begins with are those that a daemon writes.
struct FuzzedCheckpointTests {
  private static let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/fuzz/checkpoint")

  /// A file by name, and the form that takes it: 0 for text, 1 for numbers.
  private static let written: [(name: String, form: Int, snapshot: StreamSnapshot)] = [
    ("text", 0, StreamSnapshot(standing: text, memory: memory)),
    ("text-that-has-not-begun", 0, StreamSnapshot(standing: young, memory: nil)),
    ("values", 1, StreamSnapshot(standing: values, memory: memory)),
    ("no-answer-yet", 1, StreamSnapshot(standing: values, memory: memoryAlone)),
    ("errors-of-a-larger-window", 0, StreamSnapshot(standing: text, memory: largerWindow)),
    ("alarm-that-cannot-count-on", 0, StreamSnapshot(standing: text, memory: fullAlarm)),
    ("text-behind-a-swap", 0, StreamSnapshot(standing: text, memory: swapped(inputs))),
    ("values-behind-a-swap", 1, StreamSnapshot(standing: values, memory: swapped(rows))),
    ("inputs-beyond-the-vocabulary", 0, StreamSnapshot(standing: text, memory: swapped(beyond))),
  ]

  private static var standing: StreamStanding {
    StreamStanding(
      life: 0, epoch: 1 << 50, expected: 12, isClosed: false, firstInput: 3, nextStep: 4,
      messages: 0, pendingFlags: 0, sequenceStart: 1, nextAnswer: 3, carry: [], given: [],
      values: [])
  }

  /// Half a letter has come.
  private static var text: StreamStanding {
    var carry = TokenizerCarry()
    var run = TokenRun()
    let tokenizer = FuzzedInput.tokenizers[1]
    tokenizer.begin(carry: &carry, into: &run)
    Array("a\u{1100}\u{1161}".utf8).dropLast().withUnsafeBytes {
      tokenizer.feed($0, carry: &carry, into: &run)
    }
    var standing = Self.standing
    standing.carry = carry.encoded()
    return standing
  }

  private static var young: StreamStanding {
    var standing = Self.standing
    standing.pendingFlags = MessageFlags.start.rawValue
    standing.given = [0.5, -.zero, .leastNonzeroMagnitude, .pi, -1, .infinity]
    return standing
  }

  private static var values: StreamStanding {
    var carry = ValueCarry()
    var steps: [Float] = []
    var ends: [Int] = []
    do {
      try FuzzedInput.features.feed(
        [1, 0.5, 2.5, 0.25, 3, .nan], carry: &carry, into: &steps, ends: &ends)
    } catch {
      preconditionFailure("\(error)")
    }
    var standing = Self.standing
    standing.values = carry.encoded()
    return standing
  }

  private static var memoryAlone: StreamSnapshot.Memory {
    StreamSnapshot.Memory(
      checkpoint: StreamCheckpoint(
        life: 0, messages: 0, nextStep: 4, stepsSinceReset: 3, stepsSinceAnswer: 2, last: nil,
        state: [0.5, -.zero, .leastNonzeroMagnitude, .pi, -1, .infinity]))
  }

  private static func memory(errors: Int, window: Int) -> StreamSnapshot.Memory {
    var memory = memoryAlone
    memory.checkpoint.last = .init(number: 3, id: 2, row: [0.25, 0.75])
    let score = AnomalyScore(window: window, recent: 2, warmUp: 2)
    var state = AnomalyScore.State()
    for value in 0...errors { _ = score.step(value: Float(value), forecast: 1, &state) }
    memory.checkpoint.errors = state.encoded()
    var alarm = AlarmState()
    let rule = AlarmRule(subject: .anomaly, on: 0.9, onAnswers: 3, off: 0.5)
    for number in 1...2 as ClosedRange<UInt64> { _ = alarm.take(1, number: number, rule: rule) }
    memory.alarm = alarm.encoded
    return memory
  }

  private static var memory: StreamSnapshot.Memory { memory(errors: 3, window: 8) }

  private static var largerWindow: StreamSnapshot.Memory { memory(errors: 12, window: 20) }

  private static var fullAlarm: StreamSnapshot.Memory {
    var memory = Self.memory
    memory.alarm.replaceSubrange(1..<9, with: [255, 255, 255, 255, 255, 255, 255, 127])
    return memory
  }

  /// What only swaps need: the last inputs, and the model before of the last output.
  private static func swapped(_ recent: RecentInputs) -> StreamSnapshot.Memory {
    var memory = Self.memory
    memory.checkpoint.recent = recent.encoded()
    memory.checkpoint.last?.model = 0x0123_4567_89AB_CDEF
    return memory
  }

  private static func tokens(_ tokens: [Int32]) -> RecentInputs {
    var recent = RecentInputs()
    for token in tokens { recent.append(token: token, limit: 9) }
    return recent
  }

  /// One more than is kept here.
  private static var inputs: RecentInputs { tokens([0, 4, 1, 2]) }

  private static var beyond: RecentInputs { tokens([1, 5]) }

  private static var rows: RecentInputs {
    var recent = RecentInputs()
    let width = FuzzedInput.features.outputWidth
    for row in 0..<2 {
      let values = (0..<width).map { Float(row * width + $0) }
      recent.append(vector: values[...], limit: 9)
    }
    return recent
  }

  @Test(arguments: written.map(\.name)) func aKeptFileIsAsItIsWritten(name: String) throws {
    let (_, index, snapshot) = try #require(Self.written.first { $0.name == name })
    let form = FuzzedInput.checkpointForms[index]
    let bytes = CheckpointFile(stream: "cam-1", owner: form.owner, snapshot: snapshot)
      .bytes(rows: form.state.rows)
    #expect(try Array(Data(contentsOf: Self.folder.appending(path: name))) == bytes)
    let refused = [
      "alarm-that-cannot-count-on": "its alarm cannot be read",
      "inputs-beyond-the-vocabulary": "its last inputs are none of this pipeline's",
    ]
    if let reason = refused[name] {
      #expect(throws: CheckpointFile.Failure.damaged(reason)) { try form.read(bytes) }
    } else {
      let memory = try form.read(bytes).snapshot.memory
      let recent = try RecentInputs(decoding: memory?.checkpoint.recent ?? [])
      #expect(recent.count == ["text-behind-a-swap": 3, "values-behind-a-swap": 2][name] ?? 0)
      #expect(memory?.checkpoint.last?.model == snapshot.memory?.checkpoint.last?.model)
    }
  }
}
