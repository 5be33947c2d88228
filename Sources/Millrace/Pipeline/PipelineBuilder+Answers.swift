import Foundation
import Recurrence
import Tokenization

/// What becomes of answers.
extension PipelineBuilder {
  /// A scaling that a section gives, as numbers or as a file; nil for none.
  func scaling(
    at key: String, file path: String?, mean: ValueScaling.Factor?, scale: ValueScaling.Factor?,
    width: Int
  ) throws(ConfigurationError) -> ValueScaling? {
    if let path {
      let text = try open(path, key: key).text
      do {
        return try ValueScaling(json: Data(text.utf8), width: width)
      } catch {
        throw file.error(at: key, "scaling \(path): \(error)")
      }
    }
    guard mean != nil || scale != nil else { return nil }
    do {
      return try ValueScaling(mean: mean ?? .all(0), scale: scale ?? .all(1), width: width)
    } catch {
      throw file.error(at: key, "\(error)")
    }
  }

  func outputForm(
    for model: Model, _ encoding: InputEncoding
  ) throws(ConfigurationError) -> OutputForm {
    var form = OutputForm()
    if let section = file.output {
      try refuseDistribution(model, key: "output", "scales values")
      form.scaling = try scaling(
        at: "output", file: section.scalingFile, mean: section.mean, scale: section.scale,
        width: model.outputWidth)
    }
    guard let section = file.anomaly else { return form }
    try refuseDistribution(model, key: "anomaly", "compares values with their forecasts")
    guard model.shape.answersEachStep else {
      throw file.error(
        at: "anomaly", "needs a forecast at each step, but the model answers at a stream's end")
    }
    guard case .values(let features) = encoding else {
      throw file.error(
        at: "anomaly",
        "compares values, but the tokenizer is of kind \(file.tokenizer.kind.rawValue)")
    }
    let width = features.outputWidth
    guard section.input < width else {
      throw file.error(
        at: "anomaly", "looks at input \(section.input), expected one of 0 to \(width - 1)")
    }
    guard section.output < model.outputWidth else {
      throw file.error(
        at: "anomaly",
        "looks at output \(section.output), expected one of 0 to \(model.outputWidth - 1)")
    }
    form.anomaly = OutputForm.Anomaly(
      score: AnomalyScore(window: section.window, recent: section.recent, warmUp: section.warmUp),
      input: section.input, output: section.output, inputScaling: features.scaling)
    return form
  }

  private func refuseDistribution(
    _ model: Model, key: String, _ does: String
  ) throws(ConfigurationError) {
    guard model.outputIsDistribution else { return }
    throw file.error(at: key, "\(does), but the model ends in a softmax over classes")
  }

  func alarm(labels: [String], _ model: Model) throws -> AlarmSetting? {
    guard let rule = file.sink.alarm else { return nil }
    if case .generate = file.emit {
      throw file.error(at: "sink", "has an alarm, which looks at answers; emit: generate has none")
    }
    switch rule.subject {
    case .label(let label):
      guard let column = labels.firstIndex(of: label) else {
        let hint = NearestName.of(label, among: labels).map { "; did you mean \"\($0)\"?" } ?? ""
        throw file.error(
          at: "sink", "has an alarm of \"\(label)\", which is none of the labels\(hint)")
      }
      return AlarmSetting(rule: rule, column: column, subject: label)
    case .value(let index):
      guard index < model.outputWidth else {
        throw file.error(
          at: "sink",
          "has an alarm of value \(index), expected one of 0 to \(model.outputWidth - 1)")
      }
      return AlarmSetting(rule: rule, column: index, subject: "value \(index)")
    case .anomaly:
      guard file.anomaly != nil else {
        throw file.error(at: "sink", "has an alarm of anomaly, but the file has no \"anomaly\"")
      }
      return AlarmSetting(rule: rule, column: model.outputWidth, subject: "anomaly")
    }
  }
}
