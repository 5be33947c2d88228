/// One change that a stage wants in the store; changes are committed in the order in which they are
/// handed over.
package enum StoreChange: Sendable {
  /// Accepted input, a group of `InputRecord`s; `group` counts them.
  case inputs(group: UInt64, records: [UInt8])
  /// Groups through this one are needed no more.
  case trim(through: UInt64)
  /// Where a stream's input stands; nil to forget it.
  case standing(String, StreamStanding?)
  /// How long daemons have run with this store.
  case runTime(milliseconds: UInt64)
  /// A checkpoint to rewind to, known by the next input number; of one stream the last `count` stay.
  case addPast(String, number: UInt64, StreamSnapshot, count: Int)
  /// Checkpoints beyond a number are forgotten; all, where there is none.
  case dropPast(String, beyond: UInt64?)
  /// A stream's state; nil to forget it.
  case checkpoint(String, StreamCheckpoint?)
  /// Answers that a stream's client may not have, in the place of those that were left before.
  case leaveAnswers(String, LeftAnswers)
  /// Nobody is waited for any more who could ask for them.
  case dropLeftAnswers
  /// Answers that are in the output now, of streams that each stand here; `group` counts them.
  case written(group: UInt64, [WrittenAnswers.Record])
  /// As a row of its own, so that its groups can go; nil to forget it.
  case settleWritten(String, WrittenAnswers?)
  /// Groups of written answers through this one are needed no more.
  case trimWritten(through: UInt64)
  /// A model that was swapped in, the one before it, or one that is needed no more.
  case model(ModelRecord)
  /// The output file is good up to here.
  case outputLength(Int64, descriptor: Int32)
  /// Output lines for readers who come late; `second` since 1970 is when they were written.
  case keep([KeptLines], second: UInt64)
  /// Kept lines that are older, or of which there are more, are needed no more.
  case trimKept(before: UInt64, bytesMax: Int)
}

extension StoreChange {
  /// Roughly what it holds in memory while it waits.
  var byteCount: Int {
    switch self {
    case .model: 256
    case .inputs(_, let records): records.count + 64
    case .checkpoint(_, let checkpoint): (checkpoint?.state.count ?? 0) * 4 + 128
    case .standing, .settleWritten: 192
    case .leaveAnswers(_, let left): left.byteCount
    case .written(_, let records): records.count * 128 + 64
    case .keep(let rows, _):
      rows.reduce(64) { $0 + $1.lines.reduce(128) { $0 + $1.text.count + 32 } }
    case .addPast(_, _, let snapshot, _): (snapshot.memory?.checkpoint.state.count ?? 0) * 4 + 512
    case .trim, .trimWritten, .outputLength, .trimKept, .runTime, .dropPast, .dropLeftAnswers: 32
    }
  }
}
