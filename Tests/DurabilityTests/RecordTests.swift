import Testing

@testable import Durability

struct RecordTests {
  @Test func recordsComeBack() throws {
    let standing = StreamStanding(
      life: 1 << 60, epoch: 7, expected: 12, isClosed: true, firstInput: 3, nextStep: 4,
      messages: 5, pendingFlags: 4, carry: [1, 2, 255])
    let steps = InputRecord.Steps(
      header: Array(0..<56), payload: [9, 8], note: [], inputEnds: [5, .max])
    let records = [
      InputRecord(stream: "cam-1", standing: standing, steps: [steps, steps]),
      InputRecord(stream: "b", standing: standing),
    ]
    var group: [UInt8] = []
    for record in records { record.append(to: &group) }
    #expect(try InputRecord.records(of: group) == records)
    for count in 1..<group.count {
      let cut = try? InputRecord.records(of: Array(group.prefix(count)))
      #expect(cut == nil || cut == [records[0]], "cut at \(count)")
    }
  }

  @Test func checkpointsComeBack() throws {
    var checkpoint = StreamCheckpoint(
      life: 3, messages: 2, nextStep: 9, stepsSinceReset: 1, stepsSinceAnswer: 2, last: nil,
      state: [0.5, -.zero, .leastNonzeroMagnitude])
    #expect(try StreamCheckpoint(bytes: checkpoint.bytes) == checkpoint)
    checkpoint.last = .init(number: 8, id: 5, row: [1, 2])
    #expect(try StreamCheckpoint(bytes: checkpoint.bytes) == checkpoint)
    checkpoint.generation = 3
    checkpoint.recent = [1, 2, 3, 4]
    checkpoint.last?.model = 77
    #expect(try StreamCheckpoint(bytes: checkpoint.bytes) == checkpoint)
    checkpoint.last = nil
    #expect(try StreamCheckpoint(bytes: checkpoint.bytes) == checkpoint)
  }

  @Test func leftAnswersComeBack() throws {
    let answer = LeftAnswers.Answer(
      header: Array(0..<56), payload: [9, 8], ids: [1], note: [], inputs: [5, .max], firstInput: 4)
    let left = LeftAnswers(life: 7, messages: 3, answers: [answer, answer])
    #expect(try LeftAnswers(bytes: left.bytes) == left)
    for count in 0..<left.bytes.count {
      let cut = try? LeftAnswers(bytes: Array(left.bytes.prefix(count)))
      #expect(cut == nil || left.answers.starts(with: cut?.answers ?? []), "cut at \(count)")
    }
  }

  @Test func standingsTellTheirGeneration() throws {
    var standing = StreamStanding(
      life: 1, epoch: 7, expected: 12, isClosed: true, firstInput: 3, nextStep: 4, messages: 5,
      pendingFlags: 4, values: [5])
    let before = standing.bytes
    standing.generation = 9
    #expect(try StreamStanding(bytes: standing.bytes) == standing)
    #expect(try StreamStanding(bytes: before).generation == 0)
    #expect(standing.bytes.count == before.count + 8)
  }
}
