/// What a seed chooses.
extension Scenario {
  init(seed: UInt64) {
    var chance = Chance(seed: seed)
    setup = Setup(seed: seed, &chance)
    events = EventChoice(setup, &chance).events(&chance)
  }
}

extension Setup {
  fileprivate init(seed: UInt64, _ chance: inout Chance) {
    self.seed = seed
    input = chance.pick(InputKind.allCases)
    emitEvery = chance.pick(weighted: [(6, 1), (2, 3), (2, 0)])
    durability = chance.pick(weighted: [(1, "none"), (4, "os"), (5, "fsync")])
    isSplit = durability != "none" && chance.once(in: 2)
    workers = chance.draw(1...2)
    batch = chance.pick([1, 2, 8])
    checkpointMilliseconds = UInt64(chance.pick([50, 200, 1000]))
    parkMilliseconds = chance.once(in: 2) ? UInt64(chance.pick([10, 30, 500])) : nil
    clients = chance.draw(1...3)
    piece = chance.pick([1, 3, 10, 200])
    let count = chance.draw(1...5)
    liveStreams = chance.once(in: 4) && durability != "none" ? max(1, count - 1) : 100
    let bad = chance.pick([25, 25, 4])
    streams = []
    for index in 0..<count {
      let lives = chance.pick(weighted: [(5, 1), (3, 2), (1, 4)])
      streams.append(
        StreamScript(
          name: "s\(index)", client: chance.draw(0...clients - 1),
          lives: (0..<lives).map { life in
            LifeScript(epoch: UInt64(life + 1), of: input, badOnceIn: bad, &chance)
          }))
    }
  }
}

extension LifeScript {
  /// Characters of one to three bytes, and what separates words.
  private static let text = ["a", "b", "ab", "c", " ", " ", "  ", "é", "가", "나다"]

  fileprivate init(
    epoch: UInt64, of input: Setup.InputKind, badOnceIn bad: Int, _ chance: inout Chance
  ) {
    self.epoch = epoch
    let count = chance.pick(weighted: [(1, 0), (6, 8), (6, 30), (1, 300)])
    first = chance.once(in: 4) ? UInt64(chance.draw(1...1000)) : 0
    elements = []
    let length = count == 0 ? 0 : chance.draw(1...count)
    while elements.count < length {
      switch input {
      case .ids: elements.append(chance.once(in: bad) ? -1 : chance.draw(0...11))
      case .values: elements.append(chance.once(in: bad) ? -1 : chance.draw(0...99))
      case .words: elements += Array(chance.pick(LifeScript.text).utf8).map(Int.init)
      }
    }
    resets = []
    if !elements.isEmpty, chance.once(in: 3) {
      resets = [chance.draw(0...elements.count - 1)].filter { $0 > 0 }
    }
    // A bare START is owed nothing.
    ends = !chance.once(in: 4) || elements.isEmpty
  }
}

/// Which events a run is made of.
private struct EventChoice {
  private let setup: Setup
  private let stages: [String]
  private let processes: [String]
  private let links: [String]
  private let clientNames: [String]
  /// Of each kind, how often it happens beside the others.
  private var weights: [(Int, Event.Kind)]
  private let count: Int
  /// Whether most happens between the clients and the first stage.
  private let isAtIngress: Bool
  /// Whether a process is killed again before anybody has come back, now and then.
  private var killsAgain = false

  init(_ setup: Setup, _ chance: inout Chance) {
    self.setup = setup
    let workers = (0..<setup.workers).map { "inference-\($0)" }
    stages = ["tokenizer"] + workers + ["sink"]
    processes = setup.isSplit ? ["tokenizer", "inference", "sink"] : ["daemon"]
    let inner = (0..<setup.workers).flatMap { ["tokens-\($0)", "answers-\($0)"] }
    clientNames = (0..<setup.clients).map { "client-\($0)" }
    links = inner + clientNames
    count = chance.pick(weighted: [(3, 60), (4, 200), (2, 500)])
    let stores = setup.durability != "none"
    // In some runs much gets done between two faults, and states are saved; in others, nothing ever is.
    let rounds = chance.pick([8, 8, 40])
    let repeats = chance.pick([2, 2, 12])
    isAtIngress = chance.once(in: 3)
    weights = [
      (rounds, .round), (30, .turn), (30, .deliver), (14, .send), (10, .pass),
      (stores ? 10 : 0, .commit),
      (repeats, .again), (isAtIngress ? 6 : 1, .greet),
    ]
    // Not every run has every fault: some bugs need quiet.
    func rarely(_ kind: Event.Kind, _ weight: Int, if isPossible: Bool = true) {
      if isPossible, !chance.once(in: 2) { weights.append((weight, kind)) }
    }
    rarely(.cut, 2)
    rarely(.move, 1)
    rarely(.crash, isAtIngress ? 5 : 2, if: stores)
    rarely(.stop, 1, if: stores)
    rarely(.disk, 1, if: stores)
    if stores { weights.append((3, .start)) }
    killsAgain = stores && chance.once(in: 3)
  }

  func events(_ chance: inout Chance) -> [Event] {
    var events: [Event] = []
    while events.count < count {
      events += killsAgain && chance.once(in: 25) ? twoKills(&chance) : [event(&chance)]
    }
    return events
  }

  /// What had come is worked on; a process is killed, goes on for a while, and is killed again, while
  /// the clients notice nothing.
  private func twoKills(_ chance: inout Chance) -> [Event] {
    let process = chance.pick(processes)
    let pass = chance.pick([20, 250, 1100])
    let kill = [Event(.crash, at: process), Event(.start, at: process)]
    let work = [Event(.stages, at: "", count: 3), Event(.pass, at: "", count: pass)]
    let rounds = chance.draw(1...8)
    return [Event(.stages, at: "", count: chance.draw(1...3))] + kill
      + (0..<rounds).flatMap { _ in work } + kill
  }

  private func event(_ chance: inout Chance) -> Event {
    let kind = chance.pick(weighted: weights)
    switch kind {
    case .turn:
      return Event(.turn, at: isHere(&chance) ? "tokenizer" : chance.pick(stages))
    case .round, .stages: return Event(kind, at: "", count: chance.pick([1, 1, 3]))
    case .deliver:
      let isBack = chance.once(in: 2)
      return Event(
        .deliver, at: chance.pick(isHere(&chance) ? clientNames : links),
        count: chance.pick([1, 2, 5, 50]), back: isBack ? 1 : nil)
    case .send: return Event(.send, at: stream(&chance), count: chance.pick([1, 1, 2, 5, 20, 300]))
    case .again:
      return Event(.again, at: stream(&chance), count: chance.draw(1...6), back: chance.draw(0...9))
    case .greet, .move: return Event(kind, at: chance.pick(clientNames))
    case .commit:
      let dies = weights.contains { $0.1 == .crash } && chance.once(in: 12)
      return Event(
        .commit, at: chance.pick(processes), dies: dies ? chance.draw(0...14) : nil,
        torn: dies ? chance.draw(0...4096) : nil, power: dies ? power(&chance) : nil)
    case .pass:
      return Event(
        .pass, at: "",
        count: chance.pick(weighted: [(8, 1), (8, 20), (4, 250), (2, 1100), (1, 7000), (1, 61_000)])
      )
    case .cut:
      // Within one process there is no link to cut but those of the clients.
      return Event(
        .cut, at: chance.pick(setup.isSplit ? links : clientNames), count: chance.draw(0...4),
        lost: chance.draw(0...6), told: chance.once(in: 2))
    case .crash: return Event(.crash, at: chance.pick(processes), power: power(&chance))
    case .stop, .start: return Event(kind, at: chance.pick(processes))
    case .disk:
      return Event(
        .disk, at: chance.pick(processes),
        disk: chance.pick(weighted: [(4, .full), (4, .fine), (1, .broken)]))
    }
  }

  private func isHere(_ chance: inout Chance) -> Bool { isAtIngress && !chance.once(in: 4) }

  private func stream(_ chance: inout Chance) -> String { chance.pick(setup.streams).name }

  /// A power cut keeps what `fsync` promises; `os` promises nothing behind one.
  private func power(_ chance: inout Chance) -> UInt64? {
    setup.durability == "fsync" && chance.once(in: 2) ? chance.number() : nil
  }
}
