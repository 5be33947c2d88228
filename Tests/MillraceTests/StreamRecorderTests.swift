import Testing
import Wire

@testable import Millrace

/// What belongs to a recording, whichever stage's messages come first.
struct StreamRecorderTests {
  private let a = StreamID(literal: "a")

  private func input(
    _ recorder: inout StreamRecorder, _ text: String, at number: UInt64, life: UInt64 = 1,
    flags: MessageFlags = []
  ) -> [String] {
    var header = Header(kind: .data)
    header.elementType = .text
    header.flags = flags
    header.number = number
    header.count = UInt32(text.utf8.count)
    header.width = 1
    header.input = number + UInt64(text.utf8.count)
    return Array(text.utf8).withUnsafeBytes {
      show(recorder.takeInput(a, header, $0, life: life, microseconds: 5))
    }
  }

  private func answer(
    _ recorder: inout StreamRecorder, at number: UInt64, life: UInt64 = 1,
    flags: MessageFlags = [], count: UInt32 = 1
  ) -> [String] {
    var header = Header(kind: .answer)
    header.number = number
    header.count = count
    header.width = 1
    header.flags = flags
    header.input = number + UInt64(count)
    let values = [Float](repeating: 0.5, count: Int(count))
    let rows = values.withUnsafeBytes {
      AnswerMessage(header, payload: $0, ids: .init(start: nil, count: 0))
    }
    return show(recorder.takeAnswer(a, header, rows, life: life))
  }

  private func show(_ entries: [StreamRecorder.Entry]) -> [String] {
    entries.map { entry in
      switch entry {
      case .input(let line):
        "in \(line.number.map(String.init) ?? "-") \(line.units)"
          + (line.start ? " start" : "") + (line.end ? " end" : "")
          + (line.isOpenMark ? " open" : "")
      case .answers(_, let rows): "out \(rows.number(of: 0)) \(rows.count)"
      }
    }
  }

  @Test func aWholeLifeIsComplete() {
    var recorder = StreamRecorder()
    #expect(input(&recorder, "he", at: 0, flags: .start) == ["in 0 2 start"])
    #expect(!recorder.isComplete(answersEachStep: true))
    #expect(answer(&recorder, at: 0, count: 2) == ["out 0 2"])
    #expect(recorder.isComplete(answersEachStep: true))
    #expect(input(&recorder, "l", at: 2, flags: .end) == ["in 2 1 end"])
    #expect(!recorder.isComplete(answersEachStep: true))
    #expect(answer(&recorder, at: 2) == ["out 2 1"])
    #expect(answer(&recorder, at: 3, flags: .last, count: 0) == [])
    #expect(recorder.isComplete(answersEachStep: true))
    #expect(show(recorder.finish()) == [])
    #expect((recorder.ended, recorder.inputs, recorder.answerRows) == (1, 2, 3))
  }

  @Test func answersThatComeBeforeTheirInputWait() {
    var recorder = StreamRecorder()
    #expect(answer(&recorder, at: 0, count: 2) == [])
    #expect(answer(&recorder, at: 2, flags: .last, count: 0) == [])
    #expect(
      input(&recorder, "he", at: 0, flags: [.start, .end]) == ["in 0 2 start end", "out 0 2"])
    #expect(recorder.isComplete(answersEachStep: true))
    #expect(show(recorder.finish()) == [])
  }

  @Test func aLifeThatHadBegunIsPassedOver() {
    var recorder = StreamRecorder()
    #expect(answer(&recorder, at: 6) == [])
    #expect(input(&recorder, "x", at: 7) == [])
    #expect(answer(&recorder, at: 7) == [])
    #expect(recorder.passedOver == [a])
    #expect(input(&recorder, "y", at: 8, flags: .end) == [])
    #expect(input(&recorder, "h", at: 0, life: 2, flags: .start) == ["in 0 1 start"])
    #expect(answer(&recorder, at: 8, flags: .last) == [])
    #expect(answer(&recorder, at: 0, life: 2) == ["out 0 1"])
    #expect(recorder.passedOver == [])
  }

  @Test func whatIsOpenAtTheEndIsMarkedAndItsLaterAnswersAreLeftOut() {
    var recorder = StreamRecorder()
    _ = input(&recorder, "he", at: 0, flags: .start)
    recorder.stop()
    #expect(input(&recorder, "l", at: 2) == [])
    #expect(answer(&recorder, at: 0, count: 2) == ["out 0 2"])
    #expect(answer(&recorder, at: 2) == [])
    #expect(recorder.isComplete(answersEachStep: true))
    #expect(show(recorder.finish()) == ["in - 0 open"])
  }

  @Test func aLossEndsTheStream() {
    var recorder = StreamRecorder()
    _ = input(&recorder, "he", at: 0, flags: .start)
    recorder.giveUp(a)
    #expect(input(&recorder, "o", at: 4, flags: .end) == [])
    #expect(answer(&recorder, at: 0, count: 2) == [])
    #expect(input(&recorder, "h", at: 0, life: 2, flags: .start) == [])
    #expect(show(recorder.finish()) == ["in - 0 open"])
  }

  @Test func aLifeThatIsTakenOverEndsFirst() {
    var recorder = StreamRecorder()
    _ = input(&recorder, "he", at: 0, flags: .start)
    #expect(
      input(&recorder, "h", at: 0, life: 2, flags: .start) == ["in - 0 end", "in 0 1 start"])
    #expect(answer(&recorder, at: 0, life: 1) == [])
    #expect(answer(&recorder, at: 0, life: 2) == ["out 0 1"])
  }

  @Test func sequencesCountWhatIsLost() throws {
    var counter = SequenceCounter()
    func take(_ sequence: Int) throws -> SequenceCounter.Finding {
      let note = try Array("{\"sequence\":\(sequence),\"life\":3}".utf8).withUnsafeBytes {
        try TapNote($0)
      }
      #expect(note.life == 3)
      return counter.take(note, on: "t/")
    }
    // Received + lost = last - first + 1.
    #expect(
      try [5, 6, 9, 10, 20].map { try take($0) } == [.next, .next, .hole(2), .next, .hole(9)])
    #expect(counter.lost == 20 - 5 + 1 - 5)
    #expect(try take(0) == .restart)
    #expect(try take(1) == .next)
    #expect(counter.lost == 11)
  }
}
