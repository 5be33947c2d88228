import Foundation
import Logging

/// Logs one line an event to standard error: `time=... level=info stage=sink msg="..." key=value`.
package struct KeyValueLogHandler: LogHandler {
  package var logLevel: Logger.Level
  package var metadata: Logger.Metadata = [:]

  package init(logLevel: Logger.Level) { self.logLevel = logLevel }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var line = "time=\(Date.now.formatted(.iso8601)) level=\(event.level)"
    if let stage = metadata["stage"] { line += " stage=\(stage)" }
    line += " msg=\(KeyValueLogHandler.quoted("\(event.message)"))"
    let fields = (event.metadata ?? [:]).merging(metadata) { mine, _ in mine }
    for (key, value) in fields.sorted(by: { $0.key < $1.key }) where key != "stage" {
      line += " \(key)=\(KeyValueLogHandler.quoted("\(value)"))"
    }
    FileHandle.standardError.write(Data((line + "\n").utf8))
  }

  private static func quoted(_ text: String) -> String {
    let isPlain =
      !text.isEmpty && text.allSatisfy { $0.isLetter || $0.isNumber || "._:/@-*".contains($0) }
    return isPlain ? text : "\"" + text.replacing("\"", with: "'").replacing("\n", with: " ") + "\""
  }
}
