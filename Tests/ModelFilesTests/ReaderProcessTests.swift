import Foundation
import Testing

@testable import ModelFiles

/// The process that reads a file may do what it likes: the one that asked gets a model or a line.
///
/// One after the other: a script that was just written must not be open in a child that is being started.
@Suite(.serialized) struct ReaderProcessTests {
  /// What a reader does, as a shell script.
  private func load(_ script: String, patience: Int32 = 20_000) throws -> LoadedModel {
    let reader = try ScratchFile(Array("#!/bin/sh\n\(script)\n".utf8), suffix: ".sh")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: reader.path)
    return try ReaderProcess.load(
      reader.path, at: "model.keras", layers: nil, weights: nil, forSteppingOnly: false,
      patience: patience)
  }

  private func message(_ script: String, patience: Int32 = 20_000) -> String {
    do {
      _ = try load(script, patience: patience)
      return "loaded"
    } catch {
      return "\(error)"
    }
  }

  @Test func aCrashIsOneLine() {
    for (name, number) in [("SEGV", 11), ("ABRT", 6), ("ILL", 4)] {
      let text = message("echo 'Fatal error' >&2; kill -\(name) $$")
      #expect(text.hasPrefix("model.keras: its reader crashed (signal \(number))"), "\(text)")
      #expect(!text.contains("\n"))
    }
  }

  @Test func oneThatHangsIsStopped() {
    let text = message("exec sleep 1000", patience: 100)
    #expect(text.hasPrefix("model.keras: its reader was stopped (signal 9)"), "\(text)")
  }

  @Test func oneThatTalksForEverIsStopped() {
    let text = message("while :; do echo talk >&2; done", patience: 200)
    #expect(text.hasPrefix("model.keras: its reader was stopped (signal 9)"), "\(text)")
  }

  @Test func itsLineIsTheError() {
    #expect(message("echo 'model.keras: is damaged' >&2; exit 65") == "model.keras: is damaged")
    #expect(throws: ModelFileError.refused(line: "gone", isMissing: true)) {
      try load("echo gone >&2; exit 66")
    }
    #expect(message("exit 3") == "model.keras: its reader failed without a reason")
  }

  @Test func whatItGivesIsChecked() throws {
    #expect(message("exit 0").hasPrefix("model.keras: its reader gave what is no whole"))
    #expect(message("echo nonsense >&3").hasPrefix("model.keras: its reader gave what is no whole"))
    let loaded = try loadModel(at: Fixture.path("golden/k_lstm_seq/model.keras"))
    var bytes = try MillraceModelFile.content(of: loaded, labels: nil).bytes
    let sound = try ScratchFile(bytes)
    let again = try load("cat '\(sound.path)' >&3")
    #expect(again.sha256 == loaded.sha256)
    #expect(again.format == loaded.format)
    #expect(again.path == "model.keras")
    let inputs = MillraceModelFile.probeInputs(for: loaded.model)
    #expect(
      MillraceModelFile.answers(of: again.model, to: inputs)
        == MillraceModelFile.answers(of: loaded.model, to: inputs))
    bytes[bytes.count - 1] ^= 1
    let damaged = try ScratchFile(bytes)
    #expect(message("cat '\(damaged.path)' >&3").contains("is damaged"))
  }

  @Test func oneThatCannotBeStartedIsNamed() {
    #expect {
      try ReaderProcess.load(
        "/nowhere/millrace", at: "model.keras", layers: nil, weights: nil, forSteppingOnly: false)
    } throws: {
      "\($0)".hasPrefix("model.keras: cannot be read apart: no process: No such file")
    }
  }
}
