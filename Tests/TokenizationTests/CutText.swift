import Testing

@testable import Tokenization

/// Feeds text to a tokenizer in pieces; between two of them the carry goes through its bytes.
struct CutText {
  let tokenizer: TextTokenizer
  /// Printed with a failure: the same cuts come again.
  let seed: UInt64
  private var state: UInt64

  init(_ tokenizer: TextTokenizer, seed: UInt64 = .random(in: 1...UInt64.max)) {
    self.tokenizer = tokenizer
    self.seed = seed
    state = seed
  }

  func run(_ pieces: [[UInt8]]) throws -> TokenRun {
    var carry = TokenizerCarry()
    var run = TokenRun()
    tokenizer.begin(carry: &carry, into: &run)
    for piece in pieces {
      let restored = try TokenizerCarry(decoding: carry.encoded())
      #expect(restored == carry)
      carry = restored
      piece.withUnsafeBytes { tokenizer.feed($0, carry: &carry, into: &run) }
    }
    tokenizer.flush(carry: &carry, into: &run)
    #expect(carry.isEmpty)
    return run
  }

  /// Expects the same tokens byte by byte and in random pieces.
  ///
  /// - Returns: those of the whole.
  mutating func check(_ bytes: [UInt8], cuts: Int = 12) throws -> TokenRun {
    let whole = try run([bytes])
    #expect(try run(bytes.map { [$0] }) == whole, "byte by byte")
    for _ in 0..<cuts {
      #expect(try run(pieces(of: bytes)) == whole, "seed \(seed)")
    }
    return whole
  }

  mutating func next(below bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % bound
  }

  mutating func pieces(of bytes: [UInt8]) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = min(rest.count, 1 + next(below: next(below: 4) == 0 ? 40 : 6))
      pieces.append(Array(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    return pieces
  }
}
