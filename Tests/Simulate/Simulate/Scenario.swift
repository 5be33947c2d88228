import Foundation

/// One run: what is simulated, and what happens, in order.
///
/// Its text form, a fixture, is JSON Lines: the setup, then an event a line.
struct Scenario: Equatable {
  var setup: Setup
  var events: [Event]
}

extension Scenario {
  /// Reads the text form.
  ///
  /// - Throws: a `BadFixture` that names the line.
  init(fixture text: String, path: String) throws {
    let lines = text.split(separator: "\n").map { Data($0.utf8) }
    let decoder = JSONDecoder()
    func read<Line: Decodable>(_ type: Line.Type, _ index: Int) throws -> Line {
      do {
        return try decoder.decode(type, from: lines[index])
      } catch {
        throw BadFixture(path: path, line: index + 1, reason: "\(error)")
      }
    }
    guard !lines.isEmpty else {
      throw BadFixture(path: path, line: 1, reason: "it is empty; expected a setup, then events")
    }
    setup = try read(Setup.self, 0)
    events = try (1..<max(1, lines.count)).map { try read(Event.self, $0) }
  }

  /// The text form.
  func fixture() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var text = ""
    for line in [try encoder.encode(setup)] + (try events.map { try encoder.encode($0) }) {
      text += String(decoding: line, as: UTF8.self) + "\n"
    }
    return text
  }
}

/// A fixture that cannot be read.
struct BadFixture: Error, CustomStringConvertible {
  let path: String
  let line: Int
  let reason: String

  var description: String { "\(path):\(line): no line of a simulation: \(reason)" }
}
