/// A stage at work: its sockets, and all that it has in memory.
///
/// `turn` never waits, so that whoever calls the loops of a pipeline by turns decides in which order
/// things happen; that is how they are simulated.
package protocol StageLoop: AnyObject {
  /// Greets the stages behind it; called once, before the first turn.
  func begin() throws

  /// Waits until there may be something to do.
  func wait() throws

  /// Does what there is to do.
  ///
  /// - Returns: whether there is to be another turn; false once all is drained behind `stop`.
  func turn() throws -> Bool
}

extension StageLoop {
  /// Runs until `stop` is raised and everything accepted has been handed on.
  func run() throws {
    try begin()
    repeat { try wait() } while try turn()
  }
}
