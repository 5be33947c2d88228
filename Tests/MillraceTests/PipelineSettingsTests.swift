import Testing

@testable import Millrace

/// `--set KEY=VALUE`: the command line in the place of the file.
struct PipelineSettingsTests {
  private static let text = """
    model: m.keras
    top: 3
    http: 127.0.0.1:9090
    sink: { publish: "tcp://127.0.0.1:5551", values: true }
    """

  private func file(_ settings: String...) throws(ConfigurationError) -> PipelineFile {
    try PipelineFile(text: PipelineSettingsTests.text, path: "/p/x.yaml", settings: settings)
  }

  private func message(_ settings: String...) -> String {
    do {
      _ = try PipelineFile(text: PipelineSettingsTests.text, path: "/p/x.yaml", settings: settings)
      return "read"
    } catch {
      return "\(error)"
    }
  }

  @Test func aKeyIsReplacedOrAdded() throws {
    let file = try file("top=5", "monitor=tcp://127.0.0.1:5552", "labels=l.txt")
    #expect(file.top == 5)
    #expect(file.monitor == "tcp://127.0.0.1:5552")
    #expect(file.labels == "/p/l.txt")
    #expect(file.sink.values)
  }

  @Test func aKeyOfASectionLeavesItsOthers() throws {
    let file = try file("sink.publish=ipc:///p/out", "state.reset-every=9", "inference.workers=2")
    #expect(file.sink.publish == "ipc:///p/out")
    #expect(file.sink.values)
    #expect(file.resetEvery == 9)
    #expect(file.inference.workers == 2)
  }

  @Test func anEmptyValueTakesAKeyOut() throws {
    let file = try file("http=", "sink.publish=", "limits.live-streams=")
    #expect(file.http == nil)
    #expect(file.sink.publish == nil)
    #expect(file.sink.values)
  }

  @Test func aValueIsYAML() throws {
    let file = try file("sink={ values: false, format: tensor }", "emit={ every: 4 }", "name='7'")
    #expect(!file.sink.values)
    #expect(file.sink.publish == nil)
    #expect(file.sink.format == .tensor)
    #expect(file.emit == .every(4))
    #expect(file.name == "7")
  }

  @Test func theLastOneCounts() throws {
    #expect(try file("top=5", "top=6").top == 6)
  }

  @Test(arguments: [
    ("top", "--set top: expected KEY=VALUE, as in top=5 or sink.values=true"),
    ("=5", "--set =5: expected KEY=VALUE, as in top=5 or sink.values=true"),
    ("top=[", "--set top=[: the value is not YAML; quote what has a special character"),
    ("top.x=5", "--set top.x=5: what stands above \"x\" in the file is no section"),
    ("tops=5", "/p/x.yaml: unknown key \"tops\"; did you mean \"top\"?"),
    ("sink.valuez=1", "/p/x.yaml: unknown key \"sink.valuez\"; did you mean \"values\"?"),
    ("top=0", "/p/x.yaml: \"top\" is \"0\", expected a whole number from 1 to 1000"),
  ])
  func whatIsWrongIsSaid(setting: String, expected: String) {
    #expect(message(setting) == expected)
  }
}
