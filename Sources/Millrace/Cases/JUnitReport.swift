/// Results of `millrace test` as the XML that continuous integration reads.
package struct JUnitReport: Sendable {
  package struct Suite: Sendable {
    /// The pipeline file.
    package var name: String
    package var results: [TestRun.Result] = []
    /// Why the cases could not be run; nil where they were.
    package var error: String?

    package init(name: String) { self.name = name }
  }

  package var suites: [Suite] = []

  package init() {}

  package var text: String {
    let results = suites.flatMap(\.results)
    var lines = [
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
      "<testsuites name=\"millrace test\" \(counts(of: suites)) time=\"\(seconds(results))\">",
    ]
    for suite in suites {
      lines.append(
        "  <testsuite name=\"\(escape(suite.name))\" \(counts(of: [suite])) "
          + "time=\"\(seconds(suite.results))\">")
      for result in suite.results { lines += element(result, suite) }
      if let error = suite.error {
        lines.append(
          "    <testcase classname=\"\(escape(suite.name))\" name=\"the pipeline\" time=\"0\">")
        lines.append("      <error message=\"\(escape(error))\"/>")
        lines.append("    </testcase>")
      }
      lines.append("  </testsuite>")
    }
    return (lines + ["</testsuites>", ""]).joined(separator: "\n")
  }

  private func element(_ result: TestRun.Result, _ suite: Suite) -> [String] {
    let head =
      "    <testcase classname=\"\(escape(suite.name))\" name=\"\(escape(result.name))\" "
      + "time=\"\(seconds([result]))\""
    guard let difference = result.verdict.difference else { return [head + "/>"] }
    return [
      head + ">",
      "      <failure message=\"\(escape(difference))\">"
        + escape(result.verdict.figures.joined(separator: "\n")) + "</failure>",
      "    </testcase>",
    ]
  }

  private func counts(of suites: [Suite]) -> String {
    let results = suites.flatMap(\.results)
    let errors = suites.count { $0.error != nil }
    return "tests=\"\(results.count + errors)\" "
      + "failures=\"\(results.count { !$0.verdict.isGood })\" errors=\"\(errors)\""
  }

  private func seconds(_ results: [TestRun.Result]) -> String {
    let milliseconds = Int((results.reduce(0) { $0 + $1.seconds } * 1000).rounded())
    return "\(milliseconds / 1000).\(String(milliseconds % 1000 + 1000).dropFirst())"
  }

  /// For attributes and text; characters that XML cannot hold become U+FFFD.
  private func escape(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "\n", "\t": escaped += "&#\(scalar.value);"
      case "\u{0}"..<" ", "\u{FFFE}", "\u{FFFF}": escaped += "\u{FFFD}"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
