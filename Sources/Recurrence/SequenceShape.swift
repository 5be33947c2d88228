/// When a model answers.
package enum SequenceShape: Sendable, Equatable {
  /// An answer for every step.
  case manyToMany
  /// One answer for the sequence; the answer after each step is the one for the steps so far.
  case manyToOne
  /// `count` answers after the last step, from `Model.decode`; a step gives none.
  case oneToMany(count: Int)
}
