/// One change that a stage wants in the store; changes are committed in the order in which they are
/// handed over.
package enum StoreChange: Sendable {
  /// Accepted input, a group of `InputRecord`s; `group` counts them.
  case inputs(group: UInt64, records: [UInt8])
  /// Groups through this one are needed no more.
  case trim(through: UInt64)
  /// Where a stream's input stands; nil to forget it.
  case standing(String, StreamStanding?)
  /// A stream's state; nil when it has ended.
  case checkpoint(String, StreamCheckpoint?)
  /// Answers of a stream that are in the output.
  case written(String, WrittenAnswers)
  /// The output file is good up to here.
  case outputLength(Int64, descriptor: Int32)
}
