import Foundation
import Testing

/// The tables of Docs/reliability.md and the tests say the same.
///
/// A test shows what a fault gets when it is called so: `@Test("fault 9: ...")` here, `fault_9_...` in
/// Python. The table names all of them, and no others.
struct FaultTableTests {
  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// `Type.function`, or `module.function`, of every test; those of a fault by its number.
  private struct Found {
    var all: Set<String> = []
    var byFault: [Int: Set<String>] = [:]

    mutating func add(_ name: String, faults: [Int]) {
      all.insert(name)
      for number in faults { byFault[number, default: []].insert(name) }
    }

    /// An attribute, its title, and the function behind it.
    mutating func readSwift(_ text: String, type: String) {
      var faults: [Int]?
      for line in text.split(separator: "\n") {
        if line.contains("@Test") { faults = [] }
        guard let numbers = faults else { continue }
        if let title = line.range(of: "\"fault ") {
          faults = numbers + numbersIn(line[title.upperBound...].prefix { $0 != ":" })
        }
        if let function = line.range(of: "func ") {
          let name = line[function.upperBound...].prefix { $0.isLetter || $0.isNumber }
          add("\(type).\(name)", faults: faults ?? [])
          faults = nil
        }
      }
    }

    mutating func readPython(_ text: String, module: String) {
      for line in text.split(separator: "\n") {
        guard let definition = line.range(of: "def ") else { continue }
        let name = line[definition.upperBound...].prefix { $0 != "(" }
        guard name.hasPrefix("test_") || name.hasPrefix("fault_") else { continue }
        let number = name.range(of: "fault_").map {
          name[$0.upperBound...].prefix(while: \.isNumber)
        }
        add("\(module).\(name)", faults: numbersIn(number ?? ""))
      }
    }

    private func numbersIn(_ text: Substring) -> [Int] {
      text.split { !$0.isNumber }.compactMap { Int($0) }
    }
  }

  private static let found: Found = {
    var found = Found()
    for folder in ["Tests", "Clients/python/tests"] {
      let files = FileManager.default.enumerator(
        at: root.appending(path: folder), includingPropertiesForKeys: nil)
      while let file = files?.nextObject() as? URL {
        guard ["swift", "py"].contains(file.pathExtension),
          let text = try? String(contentsOf: file, encoding: .utf8)
        else { continue }
        let name = file.deletingPathExtension().lastPathComponent
        // This one speaks of titles.
        guard name != "FaultTableTests" else { continue }
        if file.pathExtension == "swift" {
          found.readSwift(text, type: name)
        } else {
          found.readPython(text, module: name)
        }
      }
    }
    return found
  }()

  /// The first cell of every row of the tables under a heading -> the tests that its last cell names.
  private func rows(under heading: String) throws -> [String: Set<String>] {
    let text = try String(
      contentsOf: Self.root.appending(path: "Docs/reliability.md"), encoding: .utf8)
    var rows: [String: Set<String>] = [:]
    var isInside = false
    for line in text.split(separator: "\n") {
      if line.hasPrefix("## ") { isInside = line == "## \(heading)" }
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard isInside, line.hasPrefix("| "), cells.count > 2, Int(cells[0]) != nil else { continue }
      // Every second piece between back quotes is a test.
      let pieces = cells[cells.count - 1].split(separator: "`", omittingEmptySubsequences: false)
      rows[cells[0]] = Set(
        pieces.enumerated().filter { !$0.offset.isMultiple(of: 2) }.map { String($0.element) })
    }
    return rows
  }

  /// Faults that no test is called after yet; the table says so.
  private static let untested: Set<Int> = []

  @Test(arguments: 1...37) func everyFaultHasTheTestsThatItsRowNames(number: Int) throws {
    let named = try #require(
      try rows(under: "Faults")["\(number)"], "Docs/reliability.md has no row \(number)")
    let tests = Self.found.byFault[number] ?? []
    #expect(
      tests.isEmpty == Self.untested.contains(number),
      "tests that are called \"fault \(number): ...\": \(tests.sorted())")
    #expect(
      named == tests,
      "row \(number) of Docs/reliability.md names \(named.sorted()), the tests are \(tests.sorted())"
    )
  }

  @Test(arguments: 1...7) func everyPromiseNamesTestsThatThereAre(number: Int) throws {
    let named = try #require(
      try rows(under: "Promises")["\(number)"], "Docs/reliability.md has no promise \(number)")
    #expect(!named.isEmpty)
    let missing = named.subtracting(Self.found.all)
    #expect(missing.isEmpty, "promise \(number) names \(missing.sorted()), which is no test")
  }
}
