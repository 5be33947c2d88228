/// What an acknowledgement means: `state.durability` of a pipeline file.
package enum Durability: String, Sendable, CaseIterable {
  /// Held in memory.
  case none
  /// Handed to the operating system: survives a killed process.
  case os
  /// Written to the disk: survives a power cut.
  case fsync
}
