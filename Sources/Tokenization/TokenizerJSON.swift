/// One object of a tokenizer's JSON file, read key by key with its declared type.
struct TokenizerJSON {
  /// Where the object stands in its file, `""` at the top, `model.` below.
  let path: String
  private let members: [(key: String, value: JSONTree)]

  /// - Throws: a `TokenizerFileError` for what is no JSON object.
  init(parsing json: [UInt8], path: String = "") throws(TokenizerFileError) {
    guard case .object(let members) = try JSONTree(parsing: json) else {
      throw .notJSON("no object")
    }
    self.init(members: members, path: path.isEmpty ? "" : path + ".")
  }

  init(members: [(key: String, value: JSONTree)], path: String) {
    self.members = members
    self.path = path
  }

  /// Whether the key is there and not null.
  func has(_ key: String) -> Bool { value(key) != nil }

  private func value(_ key: String) -> JSONTree? {
    guard let member = members.first(where: { $0.key == key }) else { return nil }
    if case .null = member.value { return nil }
    return member.value
  }

  private func wrong(_ key: String, _ expected: String) -> TokenizerFileError {
    .malformed(path + key, "is no \(expected)")
  }

  func optionalText(_ key: String) throws(TokenizerFileError) -> String? {
    switch value(key) {
    case nil: return nil
    case .text(let text): return text
    default: throw wrong(key, "text")
    }
  }

  func text(_ key: String) throws(TokenizerFileError) -> String {
    guard let text = try optionalText(key) else { throw .missing(path + key) }
    return text
  }

  func isObject(_ key: String) -> Bool {
    if case .object = value(key) { true } else { false }
  }

  func optionalFlag(_ key: String) throws(TokenizerFileError) -> Bool? {
    switch value(key) {
    case nil: return nil
    case .flag(let flag): return flag
    default: throw wrong(key, "true or false")
    }
  }

  func optionalInteger(_ key: String) throws(TokenizerFileError) -> Int? {
    guard let number = value(key) else { return nil }
    guard case .number(let number) = number, let integer = Int(exactly: number) else {
      throw wrong(key, "whole number")
    }
    return integer
  }

  /// A token's id.
  func id(_ key: String) throws(TokenizerFileError) -> Int32 {
    guard let integer = try optionalInteger(key) else { throw .missing(path + key) }
    guard let id = Int32(exactly: integer), id >= 0 else { throw wrong(key, "token id") }
    return id
  }

  func optionalList(_ key: String) throws(TokenizerFileError) -> [JSONTree]? {
    switch value(key) {
    case nil: return nil
    case .list(let list): return list
    default: throw wrong(key, "list")
    }
  }

  func optionalTexts(_ key: String) throws(TokenizerFileError) -> [String]? {
    guard let list = try optionalList(key) else { return nil }
    var texts: [String] = []
    texts.reserveCapacity(list.count)
    for element in list {
      guard case .text(let text) = element else { throw wrong(key, "list of texts") }
      texts.append(text)
    }
    return texts
  }

  func optionalObject(_ key: String) throws(TokenizerFileError) -> TokenizerJSON? {
    switch value(key) {
    case nil: return nil
    case .object(let members): return TokenizerJSON(members: members, path: "\(path)\(key).")
    default: throw wrong(key, "object")
    }
  }

  func object(_ key: String) throws(TokenizerFileError) -> TokenizerJSON {
    guard let object = try optionalObject(key) else { throw .missing(path + key) }
    return object
  }

  func objects(_ key: String) throws(TokenizerFileError) -> [TokenizerJSON] {
    guard let list = try optionalList(key) else { return [] }
    var objects: [TokenizerJSON] = []
    for (index, element) in list.enumerated() {
      guard case .object(let members) = element else { throw wrong(key, "list of objects") }
      objects.append(TokenizerJSON(members: members, path: "\(path)\(key)[\(index)]."))
    }
    return objects
  }

  /// All keys, each with a token id.
  func ids() throws(TokenizerFileError) -> [(String, Int32)] {
    var pairs: [(String, Int32)] = []
    pairs.reserveCapacity(members.count)
    for (key, value) in members {
      guard case .number(let number) = value, let id = Int32(exactly: number), id >= 0 else {
        throw .malformed(path + PrintableText.escaped(key), "is no token id")
      }
      pairs.append((key, id))
    }
    return pairs
  }

  /// A list of token ids; empty where it is missing.
  func optionalIDs(_ key: String) throws(TokenizerFileError) -> [Int32] {
    var ids: [Int32] = []
    for element in try optionalList(key) ?? [] {
      guard case .number(let number) = element, let id = Int32(exactly: number), id >= 0 else {
        throw wrong(key, "list of token ids")
      }
      ids.append(id)
    }
    return ids
  }

  /// Refuses keys that nothing here reads.
  func refuseOthers(than known: Set<String>) throws(TokenizerFileError) {
    for (key, _) in members where !known.contains(key) && has(key) {
      throw .unsupported(path + PrintableText.escaped(key), "is set, and is not known")
    }
  }
}
