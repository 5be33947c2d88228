/// A regular expression that tokenizer.json files split by, matched by hand.
///
/// All of them match every character, so that a text is cut into their matches.
enum SplitPattern: Sendable {
  /// Of GPT-2, and of `ByteLevel` with `use_regex`.
  case gpt2
  /// Of cl100k and Llama 3 (numbers of up to three digits), and of Qwen 2 (single digits).
  case cl100k(digits: Int)

  /// Nil for an expression that is not known here.
  init?(_ expression: String) {
    let gpt2 = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    let short = #"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    let cl100k = [
      #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"#,
      #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
    ]
    switch expression {
    case gpt2, short: self = .gpt2
    case cl100k[0] + #"\p{N}{1,3}"# + cl100k[1]: self = .cl100k(digits: 3)
    case cl100k[0] + #"\p{N}"# + cl100k[1]: self = .cl100k(digits: 1)
    default: return nil
    }
  }

  /// The matches, which lie end to end.
  func matches(in text: [Unicode.Scalar]) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var start = 0
    while start < text.count {
      let end = max(start + 1, self.end(of: start, in: text))
      ranges.append(start..<end)
      start = end
    }
    return ranges
  }

  private func end(of start: Int, in text: [Unicode.Scalar]) -> Int {
    switch self {
    case .gpt2: endGPT2(start, text)
    case .cl100k(let digits): endCL100K(start, text, digits)
    }
  }

  private static let contractions: [[Unicode.Scalar]] = ["s", "t", "re", "ve", "m", "ll", "d"]
    .map { Array($0.unicodeScalars) }

  private func contraction(_ start: Int, _ text: [Unicode.Scalar], ignoresCase: Bool) -> Int? {
    guard text[start] == "'" else { return nil }
    for letters in SplitPattern.contractions where start + letters.count < text.count {
      let found = zip(letters, text[(start + 1)...]).allSatisfy { letter, scalar in
        if letter == scalar { return true }
        guard ignoresCase else { return false }
        // The long s is an s in another case.
        return scalar.value == letter.value & ~0x20 || letter == "s" && scalar == "\u{17F}"
      }
      if found { return start + 1 + letters.count }
    }
    return nil
  }

  /// The end of the run of a class from `start` on.
  private func run(
    _ start: Int, _ text: [Unicode.Scalar], most: Int = Int.max,
    _ isMember: (Unicode.Scalar) -> Bool
  ) -> Int {
    var end = start
    while end < text.count, end - start < most, isMember(text[end]) { end += 1 }
    return end
  }

  private static func isOther(_ scalar: Unicode.Scalar) -> Bool {
    !CharacterClass.isSpace(scalar) && !CharacterClass.isLetter(scalar)
      && !CharacterClass.isNumber(scalar)
  }

  private func endGPT2(_ start: Int, _ text: [Unicode.Scalar]) -> Int {
    if let end = contraction(start, text, ignoresCase: false) { return end }
    let first = text[start] == " " ? start + 1 : start
    if first < text.count {
      for isMember in [CharacterClass.isLetter, CharacterClass.isNumber, SplitPattern.isOther]
      where isMember(text[first]) {
        return run(first, text, isMember)
      }
    }
    return endOfSpace(start, text)
  }

  private func endCL100K(_ start: Int, _ text: [Unicode.Scalar], _ digits: Int) -> Int {
    if let end = contraction(start, text, ignoresCase: true) { return end }
    let scalar = text[start]
    if CharacterClass.isLetter(scalar) { return run(start, text, CharacterClass.isLetter) }
    let isNumber = CharacterClass.isNumber(scalar)
    if !isNumber, scalar != "\r", scalar != "\n", start + 1 < text.count,
      CharacterClass.isLetter(text[start + 1])
    {
      return run(start + 1, text, CharacterClass.isLetter)
    }
    if isNumber { return run(start, text, most: digits, CharacterClass.isNumber) }
    let first = scalar == " " ? start + 1 : start
    if first < text.count, SplitPattern.isOther(text[first]) {
      return run(run(first, text, SplitPattern.isOther), text) { $0 == "\r" || $0 == "\n" }
    }
    // `\s*[\r\n]+` goes through the last newline of the white space.
    let end = run(start, text, CharacterClass.isSpace)
    if let newline = text[start..<end].lastIndex(where: { $0 == "\r" || $0 == "\n" }) {
      return newline + 1
    }
    return endOfSpace(start, text)
  }

  /// `\s+(?!\S)|\s+`: the last blank is left to the word behind it.
  private func endOfSpace(_ start: Int, _ text: [Unicode.Scalar]) -> Int {
    let end = run(start, text, CharacterClass.isSpace)
    return end < text.count && end - start > 1 ? end - 1 : end
  }
}
