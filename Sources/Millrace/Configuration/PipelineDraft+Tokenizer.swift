import ModelFiles
import Recurrence
import Tokenization

extension PipelineDraft {
  /// What the input lines of a pipeline hold.
  enum Input: Equatable {
    case text
    case tokens
    /// Numbers of a row.
    case rows(Int)
    /// Bytes of a frame.
    case frames(Int)
  }

  /// The value of the key `tokenizer`, and what goes into it.
  typealias Section = (text: String, input: Input)

  /// What the options ask for, or what the model and the files beside it suggest.
  ///
  /// - Throws: a `BadLine` for what does not fit the model, a `TextFile.Failure`.
  func section() throws -> Section {
    if let frames = options.frames { return try self.frames(frames) }
    if let name = options.tokenizer, let kind = TokenizerSection.Kind(rawValue: name) {
      return try section(of: kind)
    }
    if let files { return try section(of: files) }
    if let vocabulary = options.vocabulary { return try tokens(vocabulary, kind: nil) }
    if let own = model.vocabulary { return section(of: own) }
    switch model.model.input {
    case .vectors: return try values()
    case .tokens(256):
      return ("{ kind: bytes }   # 256 ids: taken for bytes; or kind: ids, or a --tokenizer", .text)
    case .tokens:
      return (
        "{ kind: ids }   # or text: millrace init with --vocabulary FILE or --tokenizer FILE",
        .tokens
      )
    }
  }

  private func section(of kind: TokenizerSection.Kind) throws -> Section {
    switch kind {
    case .characters, .words:
      guard let vocabulary = options.vocabulary else {
        throw BadLine("--tokenizer \(kind.rawValue): needs --vocabulary FILE, one token a line")
      }
      return try tokens(vocabulary, kind: kind)
    case .kerasTokenizer, .huggingFace, .sentencePiece:
      throw BadLine("--tokenizer \(kind.rawValue): name its file: --tokenizer FILE")
    case .textVectorization:
      guard let own = model.vocabulary else {
        throw BadLine(
          "--tokenizer text-vectorization: the model has no such layer; name its config: "
            + "--tokenizer FILE")
      }
      return ("{ kind: text-vectorization }   # the model's own: \(own.text)", .text)
    case .bytes: return try bytes()
    case .ids: return ("{ kind: ids }", .tokens)
    case .oneHot: return ("{ kind: one-hot }", .tokens)
    case .values: return try values()
    case .frames:
      throw BadLine("--tokenizer frames: say their size: --frames HEIGHTxWIDTHxCHANNELS")
    }
  }

  private func section(of files: TokenizerFiles) throws -> Section {
    let file = "file: \(quoted(relative(files.path)))"
    let kind: TokenizerSection.Kind =
      switch files.kind {
      case .kerasTokenizer: .kerasTokenizer
      case .textVectorization: .textVectorization
      case .huggingFace: .huggingFace
      case .sentencePiece: .sentencePiece
      case .scaling: .values
      }
    if files.kind == .scaling { return try values(scaling: relative(files.path)) }
    let vocabulary = files.vocabulary.map { ", vocabulary: \(quoted(relative($0)))" } ?? ""
    return ("{ kind: \(kind.rawValue), \(file)\(vocabulary) }", .text)
  }

  /// A model that looks tokens up itself.
  private func section(of own: ModelVocabulary) -> Section {
    guard own.split == .none else {
      return ("{ kind: text-vectorization }   # the model's own: \(own.text)", .text)
    }
    guard let file = vocabularyFile else { return ("{ kind: ids }", .tokens) }
    return (
      "{ kind: words, vocabulary: \(quoted(relative(file.path))), first-id: \(own.unknown + 1), "
        + "unknown: \(own.unknown), lowercase: \(own.lowercases), split: whitespace, filters: \"\" }",
      .text
    )
  }

  private func tokens(_ vocabulary: String, kind: TokenizerSection.Kind?) throws -> Section {
    let file = try TextFile(readingFrom: vocabulary, expecting: "tokens, one a line")
    let tokens = file.lines
    do {
      _ = try Vocabulary(text: file.text.utf8, firstID: 0)
    } catch {
      throw BadLine(vocabulary, "\(error)")
    }
    let areCharacters = tokens.allSatisfy { $0.unicodeScalars.count == 1 }
    let kind = kind ?? (areCharacters ? .characters : .words)
    var text = "{ kind: \(kind.rawValue), vocabulary: \(quoted(relative(vocabulary)))"
    if case .tokens(let rows) = model.model.input, rows > tokens.count {
      // Keras' ids begin behind what is kept for padding, start and unknown.
      let first = rows - tokens.count
      text +=
        ", first-id: \(first)" + (first >= 3 ? ", unknown: 2" : first == 2 ? ", unknown: 1" : "")
    }
    return (text + " }", .text)
  }

  private func bytes() throws -> Section {
    guard case .tokens(let rows) = model.model.input else {
      return ("{ kind: bytes }", .text)
    }
    guard rows >= 256 else {
      throw BadLine("--tokenizer bytes: the model has \(rows) ids, expected at least 256")
    }
    return ("{ kind: bytes\(rows > 256 ? ", first-id: \(rows - 256)" : "") }", .text)
  }

  private func values(scaling: String? = nil) throws -> Section {
    guard case .vectors(let width) = model.model.input else {
      throw BadLine("the model takes token ids, and values are no ids; leave the option out")
    }
    let scale = scaling.map { ", scaling: \(quoted($0))" } ?? ""
    guard let columns = options.columns, columns != width else {
      let hint = scaling == nil ? "   # scaling: FILE.json with {\"mean\":[...],\"std\":[...]}" : ""
      return (
        "{ kind: values\(scale) }\(hint)"
          + "\n# also: missing: previous, lag: [1, 2], difference: 1, resample: { column: 0, every: 1 }",
        .rows(width)
      )
    }
    guard columns > 0, columns < width, width.isMultiple(of: columns) else {
      throw BadLine(
        "--columns \(columns): the model takes \(width) values a step, expected a part of that: the "
          + "row itself and rows before it")
    }
    let lags = (1..<width / columns).map(String.init).joined(separator: ", ")
    return (
      "{ kind: values, lag: [\(lags)]\(scale) }   # or difference: [...]; begin: repeat or zero answers from the first row on",
      .rows(columns)
    )
  }

  private func frames(_ text: String) throws -> Section {
    let sizes = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard sizes.count == 2 || sizes.count == 3, sizes.allSatisfy({ (1...65_536).contains($0) })
    else {
      throw BadLine("--frames \(text): expected HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS, as 48x64x3")
    }
    guard case .vectors(let width) = model.model.input else {
      throw BadLine("--frames \(text): the model takes token ids, not values")
    }
    let count = sizes.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
    let isGrey = count != width && sizes.count == 3 && sizes[2] == 3 && sizes[0] * sizes[1] == width
    guard count == width || isGrey else {
      throw BadLine(
        "--frames \(text): makes \(count) values a step, and the model takes \(width)")
    }
    let shape = sizes.map(String.init).joined(separator: ", ")
    return (
      "{ kind: frames, shape: [\(shape)]\(isGrey ? ", grey: true" : "") }   # divided by 255; scale: 1 for none",
      .frames(count)
    )
  }
}
