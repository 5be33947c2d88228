import Foundation
import ModelFiles
import Recurrence
import Tokenization

/// A pipeline file for a model, as `millrace init` writes it.
package struct PipelineDraft {
  private let model: LoadedModel
  private let labels: String?
  private let vocabulary: String?
  private let target: String

  /// `labels` and `vocabulary` are files with one name a line; `target` is where the file will be,
  /// and paths in it are relative to that folder.
  package init(model: LoadedModel, labels: String?, vocabulary: String?, target: String) {
    self.model = model
    self.labels = labels
    self.vocabulary = vocabulary
    self.target = target
  }

  /// The names of a model's classes, one a line.
  ///
  /// - Throws: a `TextFile.Failure`, or a `BadLine` when they are not as many as the outputs.
  package static func labels(of path: String, for model: LoadedModel) throws -> [String] {
    let labels = try TextFile(readingFrom: path, expecting: "names of classes, one a line").lines
    let count = model.model.outputWidth
    guard labels.count == count else {
      throw BadLine(
        path, "has \(labels.count) labels, expected \(count), one for each output of the model")
    }
    return labels
  }

  /// - Throws: a `TextFile.Failure` or a `BadLine` for labels or a vocabulary that cannot be used.
  package func text() throws -> String {
    let stem = URL(fileURLWithPath: model.path).deletingPathExtension().lastPathComponent
    let name = String(
      stem.map { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "-" })
    var lines = [
      "# \(model.format), \(model.model.parameterCount) parameters; written by millrace init.",
      "name: \(name)",
      "tokenizer: \(try tokenizer())",
      "model: \(quoted(relative(model.path)))",
    ]
    switch model.model.shape {
    case .manyToOne:
      lines.append("# The model answers once a sequence: a running answer each step, or at-end.")
      lines.append("emit: each-step")
    case .oneToMany(let count):
      lines.append("# The model gives \(count) answers at the end of a stream.")
    case .manyToMany: break
    }
    if let labels {
      _ = try PipelineDraft.labels(of: labels, for: model)
      lines.append("labels: \(quoted(relative(labels)))")
    } else if let own = model.labels {
      lines.append("# The model brings the names of its \(own.count) classes.")
    } else if model.model.outputIsDistribution {
      lines.append(
        "# labels: labels.txt        # names of the \(model.model.outputWidth) classes, one a line")
    }
    if case .vectors = model.model.input, !model.model.outputIsDistribution {
      lines += [
        "# output: { mean: 0, scale: 1 }   # where the targets were scaled: answers become value * scale + mean",
        "# anomaly: { window: 1000 }       # where an answer forecasts the next value: how unlikely that one is",
      ]
    }
    lines += [
      "# inference: { workers: 2 }",
      "# sink: { publish: \"tcp://127.0.0.1:5551\", file: results.jsonl }",
      "# monitor: tcp://127.0.0.1:5552   # millrace tap, millrace top",
      "# http: 127.0.0.1:9090            # the page, /metrics, /healthz, /readyz",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  /// A command line to try it with.
  package func example(_ target: String) -> String {
    switch model.model.input {
    case .tokens where vocabulary == nil && vocabularyFile == nil:
      "echo '{\"stream\":\"a\",\"tokens\":[1,2,3]}' | millrace pipe \(target)"
    case .vectors(let width) where vocabulary == nil:
      "echo '\((0..<width).map { _ in "0" }.joined(separator: ","))' | millrace pipe \(target) --csv"
    default: "echo TEXT | millrace pipe \(target)"
    }
  }

  /// A file of the model's own vocabulary, to be written beside the pipeline file: the tokens behind
  /// the special ones, one a line.
  ///
  /// Nil where `--vocabulary` was given, the model has none, or a line cannot hold a token.
  package var vocabularyFile: (path: String, text: String)? {
    guard vocabulary == nil, target != "-", let own = model.vocabulary else { return nil }
    let tokens = own.tokens.dropFirst(own.unknown + 1)
    guard !tokens.isEmpty, tokens.allSatisfy({ !$0.isEmpty && !$0.contains(where: \.isNewline) })
    else { return nil }
    let url = URL(fileURLWithPath: target).deletingPathExtension()
    return (url.path + ".vocabulary.txt", tokens.map { $0 + "\n" }.joined())
  }

  /// The tokenizer that cuts as the model's own layer does, as far as there is one.
  private func tokenizer(_ own: ModelVocabulary, _ file: String) -> String {
    let ids =
      "vocabulary: \(quoted(relative(file))), first-id: \(own.unknown + 1), "
      + "unknown: \(own.unknown)"
    if own.split == .characters {
      return "{ kind: characters, \(ids), normalization: none }"
        + (own.lowercases ? "   # the model made capitals small: send small letters" : "")
        + (own.stripsPunctuation ? "   # the model took punctuation out: send none" : "")
    }
    let split = "lowercase: \(own.lowercases), split: whitespace"
    guard own.stripsPunctuation else { return "{ kind: words, \(ids), \(split), filters: \"\" }" }
    return "{ kind: words, \(ids), \(split) }"
      + "   # cuts at punctuation; the model took it out: don't was dont"
  }

  private func tokenizer() throws -> String {
    if let own = model.vocabulary, let file = vocabularyFile { return tokenizer(own, file.path) }
    guard let vocabulary else {
      return switch model.model.input {
      case .tokens:
        "{ kind: ids }   # or kind: words / characters with vocabulary: FILE, first-id, unknown"
      case .vectors: "{ kind: values }   # scaling: FILE.json with {\"mean\":[...],\"std\":[...]}"
      }
    }
    let file = try TextFile(readingFrom: vocabulary, expecting: "tokens, one a line")
    let tokens = file.lines
    do {
      _ = try Vocabulary(text: file.text.utf8, firstID: 0)
    } catch {
      throw BadLine(vocabulary, "\(error)")
    }
    let kind = tokens.allSatisfy { $0.unicodeScalars.count == 1 } ? "characters" : "words"
    var text = "{ kind: \(kind), vocabulary: \(quoted(relative(vocabulary)))"
    if case .tokens(let rows) = model.model.input, rows > tokens.count {
      // Keras' ids begin behind what is kept for padding, start and unknown.
      let first = rows - tokens.count
      text +=
        ", first-id: \(first)" + (first >= 3 ? ", unknown: 2" : first == 2 ? ", unknown: 1" : "")
    }
    return text + " }"
  }

  /// A path as seen from the pipeline file's folder.
  private func relative(_ path: String) -> String {
    let from = URL(fileURLWithPath: target).deletingLastPathComponent().standardizedFileURL
      .pathComponents
    let to = URL(fileURLWithPath: path).standardizedFileURL.pathComponents
    let common = zip(from, to).prefix { $0 == $1 }.count
    return (Array(repeating: "..", count: from.count - common) + to[common...])
      .joined(separator: "/")
  }

  private func quoted(_ text: String) -> String {
    text.allSatisfy { $0.isLetter || $0.isNumber || "._-/".contains($0) } ? text : "\"\(text)\""
  }
}
