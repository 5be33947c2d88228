import Foundation
import ModelFiles
import Recurrence
import Tokenization

/// A pipeline file for a model, as `millrace init` writes it.
package struct PipelineDraft {
  let model: LoadedModel
  let options: DraftOptions
  let target: String
  /// A tokenizer's files that were given or lie beside the model; nil where there are none.
  let files: TokenizerFiles?

  /// `target` is where the file will be; paths in it are relative to that folder.
  ///
  /// - Throws: a `BadLine` or `TextFile.Failure` for options that cannot be used or contradict each
  ///   other.
  package init(model: LoadedModel, options: DraftOptions, target: String) throws {
    self.model = model
    self.options = options
    self.target = target
    files = try TokenizerFiles.of(options, model: model)
  }

  /// What was taken up without being asked for, a line each.
  package var notices: [String] { files?.notice.map { [$0] } ?? [] }

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
      "tokenizer: \(try section().text)",
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
    if let labels = options.labels {
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
  package func example(_ target: String) throws -> String {
    switch try section().input {
    case .text: "echo TEXT | millrace pipe \(target)"
    case .tokens: "echo '{\"stream\":\"a\",\"tokens\":[1,2,3]}' | millrace pipe \(target)"
    case .rows(let width):
      "echo '\((0..<width).map { _ in "0" }.joined(separator: ","))' | millrace pipe \(target) --csv"
    case .frames(let count):
      "python3 -c 'print({\"stream\":\"a\",\"values\":[0]*\(count)})' | tr \"'\" '\"' "
        + "| millrace pipe \(target)"
    }
  }

  /// A file of the model's own vocabulary, to be written beside the pipeline file: the tokens behind
  /// the special ones, one a line.
  ///
  /// Nil where a tokenizer was named, the model looks up no whole tokens, or a line cannot hold one.
  package var vocabularyFile: (path: String, text: String)? {
    guard options.vocabulary == nil, options.tokenizer == nil, target != "-",
      let own = model.vocabulary, own.split == .none
    else { return nil }
    let tokens = own.tokens.dropFirst(own.unknown + 1)
    guard !tokens.isEmpty, tokens.allSatisfy({ !$0.isEmpty && !$0.contains(where: \.isNewline) })
    else { return nil }
    let url = URL(fileURLWithPath: target).deletingPathExtension()
    return (url.path + ".vocabulary.txt", tokens.map { $0 + "\n" }.joined())
  }

  /// A path as seen from the pipeline file's folder.
  func relative(_ path: String) -> String {
    let from = URL(fileURLWithPath: target).deletingLastPathComponent().standardizedFileURL
      .pathComponents
    let to = URL(fileURLWithPath: path).standardizedFileURL.pathComponents
    let common = zip(from, to).prefix { $0 == $1 }.count
    return (Array(repeating: "..", count: from.count - common) + to[common...])
      .joined(separator: "/")
  }

  func quoted(_ text: String) -> String {
    text.allSatisfy { $0.isLetter || $0.isNumber || "._-/".contains($0) } ? text : "\"\(text)\""
  }
}
