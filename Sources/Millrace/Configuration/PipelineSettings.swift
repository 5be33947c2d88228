import Yams

/// `KEY=VALUE` of a command line, in the place of what a pipeline file says.
///
/// A key of a section is `SECTION.KEY`; a value is read as YAML; an empty one takes the key out.
struct PipelineSettings {
  private let texts: [String]

  init(_ texts: [String]) { self.texts = texts }

  /// The file's mapping with all of them.
  ///
  /// - Throws: a `ConfigurationError` that names the setting.
  func applied(to node: Node) throws(ConfigurationError) -> Node {
    var node = node
    for text in texts {
      guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
        throw PipelineSettings.error(text, "expected KEY=VALUE, as in top=5 or sink.values=true")
      }
      let path = text[..<equals].split(separator: ".", omittingEmptySubsequences: false)
      let value = try PipelineSettings.value(String(text[text.index(after: equals)...]), of: text)
      node = try PipelineSettings.setting(path[...], to: value, in: node, of: text)
    }
    return node
  }

  private static func value(_ value: String, of text: String) throws(ConfigurationError) -> Node? {
    guard !value.isEmpty else { return nil }
    guard YAMLAliases.count(in: value) == 0 else {
      throw PipelineSettings.error(text, "a value has no aliases (*name); write it out")
    }
    do {
      return try Yams.compose(yaml: value).map(unmarked)
    } catch {
      throw PipelineSettings.error(
        text, "the value is not YAML; quote what has a special character")
    }
  }

  private static func setting(
    _ path: ArraySlice<Substring>, to value: Node?, in node: Node, of text: String
  ) throws(ConfigurationError) -> Node {
    guard let key = path.first else { return node }
    guard case .mapping(var mapping) = node else {
      throw error(text, "what stands above \"\(key)\" in the file is no section")
    }
    let name = Node(String(key))
    if path.count == 1 {
      mapping[name] = value
    } else if let below = mapping[name] ?? (value == nil ? nil : Node.mapping([:])) {
      mapping[name] = try setting(path.dropFirst(), to: value, in: below, of: text)
    }
    return .mapping(mapping)
  }

  /// The same without places, which would look like lines of the file.
  private static func unmarked(_ node: Node) -> Node {
    switch node {
    case .scalar(let scalar):
      .scalar(Node.Scalar(scalar.string, scalar.tag, scalar.style))
    case .sequence(let sequence):
      .sequence(Node.Sequence(sequence.map(unmarked), sequence.tag, sequence.style))
    case .mapping(let mapping):
      .mapping(
        Node.Mapping(
          mapping.map { (unmarked($0.key), unmarked($0.value)) }, mapping.tag, mapping.style))
    default: node
    }
  }

  private static func error(_ text: String, _ message: String) -> ConfigurationError {
    ConfigurationError(file: "--set \(text)", message: message)
  }
}
