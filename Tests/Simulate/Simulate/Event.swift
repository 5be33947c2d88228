/// One thing that happens; a line of a fixture.
///
/// An event that cannot happen where the run stands is passed over, so that every part of a list of
/// events is a list that can be run.
struct Event: Codable, Equatable {
  enum Kind: String, Codable {
    /// The stage `at` takes a turn.
    case turn
    /// Everything that is under way arrives, and everybody takes a turn, `count` times.
    case round
    /// As `round`, while no client does anything.
    case stages
    /// `count` messages reach the end of the link `at`; with `back`, those that go back.
    case deliver
    /// The client of stream `at` sends its next `count` elements.
    case send
    /// As `send`, of elements that it has sent before, `back` of them; with 0, all from the last RESET on.
    case again
    /// The client `at` greets anew.
    case greet
    /// The client `at` goes on by another connection, while the old one is still read.
    case move
    /// The store of process `at` commits; with `dies`, the process dies behind so many writes.
    case commit
    /// `count` milliseconds go by.
    case pass
    /// The link `at` is cut: `count` messages still arrive, the next `lost` are lost; with `told`, a
    /// client knows at once.
    case cut
    /// The process `at` is killed; with `power`, what was not synced is lost by chance.
    case crash
    /// The process `at` is told to drain and end.
    case stop
    /// The process `at` is started again.
    case start
    /// The disk of process `at` is full, broken or fine from now on.
    case disk
  }

  var what: Kind
  var at: String
  var count: Int?
  var back: Int?
  var lost: Int?
  var told: Bool?
  var dies: Int?
  var torn: Int?
  /// Chance of a power cut.
  var power: UInt64?
  var disk: DiskState?

  /// Whether something may be lost, overtake, or be waited for for long.
  var disturbs: Bool {
    switch what {
    case .cut, .move, .crash, .stop, .disk: true
    case .commit: dies != nil
    case .pass: count ?? 1 >= 2000
    case .round, .stages, .turn, .deliver, .send, .again, .greet, .start: false
    }
  }

  enum DiskState: String, Codable {
    case fine
    case full
    case broken
  }

  init(
    _ what: Kind, at: String, count: Int? = nil, back: Int? = nil, lost: Int? = nil,
    told: Bool? = nil, dies: Int? = nil, torn: Int? = nil, power: UInt64? = nil,
    disk: DiskState? = nil
  ) {
    self.what = what
    self.at = at
    self.count = count
    self.back = back
    self.lost = lost
    self.told = told
    self.dies = dies
    self.torn = torn
    self.power = power
    self.disk = disk
  }
}
