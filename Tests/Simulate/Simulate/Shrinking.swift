/// Makes a scenario smaller that fails, as long as it breaks the same promise.
struct Shrinking {
  /// The smallest so far.
  private(set) var scenario: Scenario
  private(set) var violation: Violation
  /// Runs it; nil when nothing is broken.
  private let run: (Scenario) -> Violation?
  private(set) var runs = 0

  /// Runs at most; each takes some milliseconds.
  private static let runsMax = 1500

  init(_ scenario: Scenario, _ violation: Violation, run: @escaping (Scenario) -> Violation?) {
    self.scenario = scenario
    self.violation = violation
    self.run = run
  }

  /// Leaves out events, then streams, lives and elements, until nothing more can go.
  mutating func shrink() {
    var size = 0
    repeat {
      size = scenario.size
      leaveOutEvents()
      simplifyStreams()
      simplifyPipeline()
    } while scenario.size < size && runs < Self.runsMax
  }

  private mutating func adopt(_ smaller: Scenario) -> Bool {
    guard smaller != scenario, runs < Self.runsMax else { return false }
    runs += 1
    guard let found = run(smaller), found.promise == violation.promise else { return false }
    scenario = smaller
    violation = found
    return true
  }

  /// Zeller's delta debugging: ever smaller pieces are left out.
  private mutating func leaveOutEvents() {
    var size = max(1, scenario.events.count / 2)
    while true {
      var start = 0
      while start < scenario.events.count {
        var smaller = scenario
        smaller.events.removeSubrange(start..<min(start + size, scenario.events.count))
        if !adopt(smaller) { start += size }
      }
      if size == 1 { return }
      size = max(1, size / 2)
    }
  }

  private mutating func simplifyStreams() {
    for index in scenario.setup.streams.indices.reversed() {
      var smaller = scenario
      smaller.setup.streams.remove(at: index)
      if adopt(smaller) { continue }
      for life in scenario.setup.streams[index].lives.indices.reversed() {
        simplify(life: life, of: index)
      }
    }
  }

  private mutating func simplify(life: Int, of stream: Int) {
    var smaller = scenario
    if smaller.setup.streams[stream].lives.count > 1 {
      smaller.setup.streams[stream].lives.remove(at: life)
      if adopt(smaller) { return }
    }
    var count = scenario.setup.streams[stream].lives[life].elements.count / 2
    while count > 0 {
      smaller = scenario
      var script = smaller.setup.streams[stream].lives[life]
      if script.elements.count > count {
        script.elements.removeLast(count)
        script.resets = script.resets.filter { $0 < script.elements.count }
        smaller.setup.streams[stream].lives[life] = script
        if adopt(smaller) { continue }
      }
      count /= 2
    }
    smaller = scenario
    smaller.setup.streams[stream].lives[life].resets = []
    _ = adopt(smaller)
  }

  private mutating func simplifyPipeline() {
    let changes: [(inout Setup) -> Void] = [
      { $0.workers = 1 }, { $0.parkMilliseconds = nil }, { $0.emitEvery = 1 }, { $0.batch = 8 },
      { $0.isSplit = false }, { $0.liveStreams = 100 }, { $0.input = .ids }, { $0.piece = nil },
      { setup in
        setup.clients = 1
        for index in setup.streams.indices { setup.streams[index].client = 0 }
      },
    ]
    for change in changes {
      var smaller = scenario
      change(&smaller.setup)
      if smaller.setup.input == .ids, scenario.setup.input != .ids {
        for stream in smaller.setup.streams.indices {
          for life in smaller.setup.streams[stream].lives.indices {
            let elements = smaller.setup.streams[stream].lives[life].elements
            smaller.setup.streams[stream].lives[life].elements = elements.map {
              $0 < 0 ? -1 : $0 % 12
            }
          }
        }
      }
      _ = adopt(smaller)
    }
  }
}

extension Scenario {
  fileprivate var size: Int {
    events.count
      + setup.streams.reduce(0) { $0 + $1.lives.reduce(1) { $0 + $1.elements.count + 1 } }
  }
}
