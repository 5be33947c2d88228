import Yams

/// One mapping of a YAML file, read key by key with its declared type.
///
/// YAML's own guessing is not used: `no` is the text "no" where text is wanted and an error where a
/// number is. Every error names file, line, column and key.
struct YAMLSection {
  let file: String
  /// Where the mapping stands in the file, `""` for the top, `tokenizer.` below.
  let path: String
  private let node: Node
  private let mapping: Node.Mapping

  /// - Throws: a `ConfigurationError` when the node is no mapping or has a key not in `known`.
  init(_ node: Node, file: String, path: String, known: [String]) throws(ConfigurationError) {
    self.file = file
    self.path = path
    self.node = node
    guard case .mapping(let mapping) = node else {
      throw YAMLSection.error(
        file, node, "\(path.isEmpty ? "the file" : path.dropLast() + "") must be a mapping")
    }
    self.mapping = mapping
    for (key, _) in mapping {
      guard case .scalar(let scalar) = key else {
        throw YAMLSection.error(file, key, "a key must be a plain name")
      }
      guard !known.contains(scalar.string) else { continue }
      let hint =
        NearestName.of(scalar.string, among: known).map { "; did you mean \"\($0)\"?" }
        ?? "; known keys: \(known.joined(separator: ", "))"
      throw YAMLSection.error(file, key, "unknown key \"\(path)\(scalar.string)\"\(hint)")
    }
  }

  /// Reads a file's top mapping, with `settings` in the place of what it says.
  static func top(
    of text: String, file: String, known: [String],
    settings: PipelineSettings = PipelineSettings([])
  ) throws(ConfigurationError) -> YAMLSection {
    guard YAMLAliases.count(in: text) <= YAMLAliases.countMax else {
      throw ConfigurationError(
        file: file,
        message: "uses more than \(YAMLAliases.countMax) aliases (*name); write the values out")
    }
    let node: Node?
    do {
      node = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw YAMLSection.error(file, error)
    } catch {
      throw ConfigurationError(file: file, message: "\(error)")
    }
    guard let node else { throw ConfigurationError(file: file, message: "the file is empty") }
    return try YAMLSection(try settings.applied(to: node), file: file, path: "", known: known)
  }

  var keys: [String] {
    mapping.map(\.key).compactMap { if case .scalar(let key) = $0 { key.string } else { nil } }
  }

  func has(_ key: String) -> Bool { value(key) != nil }

  func isMapping(_ key: String) -> Bool {
    if case .mapping = value(key) { true } else { false }
  }

  private func value(_ key: String) -> Node? {
    for (name, value) in mapping {
      if case .scalar(let scalar) = name, scalar.string == key { return value }
    }
    return nil
  }

  // MARK: Typed values

  func text(_ key: String) throws(ConfigurationError) -> String? {
    guard let value = value(key) else { return nil }
    guard case .scalar(let scalar) = value else { throw error(key, "must be text") }
    return try expand(scalar.string, key: key)
  }

  /// A scalar as it stands in the file, without what stands for `${NAME}`.
  func plainText(_ key: String) -> String? {
    if case .scalar(let scalar)? = value(key) { scalar.string } else { nil }
  }

  func requiredText(_ key: String) throws(ConfigurationError) -> String {
    guard let text = try text(key) else {
      throw YAMLSection.error(file, node, "missing key \"\(path)\(key)\"")
    }
    return text
  }

  func integer(
    _ key: String, in range: ClosedRange<Int>
  ) throws(ConfigurationError) -> Int? {
    guard let text = try text(key) else { return nil }
    guard let value = Int(text), range.contains(value) else {
      throw error(
        key,
        "is \"\(text)\", expected a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// A time such as `500ms`, `2s`, `10m` or `24h`, in milliseconds.
  func milliseconds(
    _ key: String, in range: ClosedRange<UInt64>
  ) throws(ConfigurationError) -> UInt64? {
    guard let text = try text(key) else { return nil }
    let units: [(suffix: String, factor: UInt64)] = [
      ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000),
    ]
    guard let unit = units.first(where: { text.hasSuffix($0.suffix) }),
      let count = UInt64(text.dropLast(unit.suffix.count)), count <= UInt64.max / unit.factor,
      range.contains(count * unit.factor)
    else {
      throw error(
        key,
        "is \"\(text)\", expected a time from \(range.lowerBound)ms to \(range.upperBound / 1000)s, "
          + "such as 500ms, 2s, 10m or 24h")
    }
    return count * unit.factor
  }

  func number(
    _ key: String, in range: ClosedRange<Double>
  ) throws(ConfigurationError) -> Double? {
    guard let text = try text(key) else { return nil }
    guard let value = Double(text), range.contains(value) else {
      throw error(
        key, "is \"\(text)\", expected a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// Whether a value stands in quotes, so that digits are meant as text.
  func isQuoted(_ key: String) -> Bool {
    guard case .scalar(let scalar)? = value(key) else { return false }
    return scalar.style == .singleQuoted || scalar.style == .doubleQuoted
  }

  func boolean(_ key: String) throws(ConfigurationError) -> Bool? {
    guard let text = try text(key) else { return nil }
    switch text {
    case "true": return true
    case "false": return false
    default: throw error(key, "is \"\(text)\", expected true or false")
    }
  }

  /// One of the names of a `RawRepresentable` choice.
  func choice<Choice>(_ key: String, _: Choice.Type) throws(ConfigurationError) -> Choice?
  where Choice: RawRepresentable & CaseIterable, Choice.RawValue == String {
    guard let text = try text(key) else { return nil }
    guard let choice = Choice(rawValue: text) else {
      let names = Choice.allCases.map(\.rawValue)
      let hint = NearestName.of(text, among: names).map { "; did you mean \"\($0)\"?" } ?? ""
      throw error(
        key, "is \"\(text)\", expected one of \(names.joined(separator: ", "))\(hint)")
    }
    return choice
  }

  /// A list of texts; nil when the key is missing or holds a single scalar.
  func list(_ key: String) throws(ConfigurationError) -> [String]? {
    guard let value = value(key), case .sequence(let sequence) = value else { return nil }
    var texts: [String] = []
    for element in sequence {
      guard case .scalar(let scalar) = element else {
        throw error(key, "must be a list of plain values")
      }
      texts.append(scalar.string)
    }
    return texts
  }

  func numbers(_ key: String) throws(ConfigurationError) -> [Float]? {
    let texts: [String]?
    if let list = try list(key) { texts = list } else { texts = try text(key).map { [$0] } }
    guard let texts else { return nil }
    var values: [Float] = []
    for text in texts {
      guard let value = Float(text), value.isFinite else {
        throw error(key, "holds \"\(text)\", expected a number")
      }
      values.append(value)
    }
    return values
  }

  func section(_ key: String, known: [String]) throws(ConfigurationError) -> YAMLSection? {
    guard let value = value(key) else { return nil }
    return try YAMLSection(value, file: file, path: "\(path)\(key).", known: known)
  }

  func sections(_ key: String, known: [String]) throws(ConfigurationError) -> [YAMLSection]? {
    guard let value = value(key) else { return nil }
    guard case .sequence(let sequence) = value else { throw error(key, "must be a list") }
    var sections: [YAMLSection] = []
    for element in sequence {
      sections.append(
        try YAMLSection(element, file: file, path: "\(path)\(key).", known: known))
    }
    return sections
  }

  /// A mapping with free keys (stream names): key -> list of sections.
  func lists(
    _ key: String, known: [String]
  ) throws(ConfigurationError) -> [(name: String, sections: [YAMLSection])] {
    guard let value = value(key) else { return [] }
    guard case .mapping(let mapping) = value else { throw error(key, "must be a mapping") }
    var lists: [(String, [YAMLSection])] = []
    for (name, list) in mapping {
      guard case .scalar(let scalar) = name, case .sequence(let sequence) = list else {
        throw error(key, "must map stream names to lists")
      }
      var sections: [YAMLSection] = []
      for element in sequence {
        sections.append(
          try YAMLSection(
            element, file: file, path: "\(path)\(key).\(scalar.string).", known: known))
      }
      lists.append((scalar.string, sections))
    }
    return lists
  }

  // MARK: Errors

  func error(_ key: String, _ message: String) -> ConfigurationError {
    YAMLSection.error(file, value(key) ?? node, "\"\(path)\(key)\" \(message)")
  }

  private static func error(
    _ file: String, _ node: Node, _ message: String
  ) -> ConfigurationError {
    ConfigurationError(
      file: file, line: node.mark?.line ?? 0, column: node.mark?.column ?? 0, message: message)
  }

  private static func error(_ file: String, _ error: YamlError) -> ConfigurationError {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return ConfigurationError(
        file: file, line: mark.line, column: mark.column, message: "not YAML: \(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context):
      return ConfigurationError(
        file: file, line: context.mark.line, column: context.mark.column,
        message: "the key \"\(duplicates.joined(separator: "\", \""))\" stands twice")
    default:
      return ConfigurationError(file: file, message: "not YAML: \(error)")
    }
  }

  /// Replaces `${NAME}` and `${NAME:-default}` from the environment.
  private func expand(_ text: String, key: String) throws(ConfigurationError) -> String {
    guard text.contains("${") else { return text }
    do {
      return try Environment.expand(text)
    } catch {
      throw self.error(key, error.description)
    }
  }
}
