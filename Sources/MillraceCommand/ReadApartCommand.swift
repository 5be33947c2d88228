import ArgumentParser
import Foundation
import Millrace
import ModelFiles

/// What `ReaderProcess` starts: reads one model file, within limits, and hands it over.
struct ReadApartCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: ReaderProcess.verb,
    abstract: "Read a model file for the process that started this one.", shouldDisplay: false)

  @OptionGroup var model: ModelArgument

  func run() throws {
    do {
      try ReaderProcess.confine(toRead: model.file)
      try ReaderProcess.hand(
        over: model.file, layers: model.layers, weights: model.weights)
    } catch {
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      throw ExitCode(ExitStatus(error).rawValue)
    }
  }
}
