import CSentencePiece

/// A loaded SentencePiece model.
///
/// `@unchecked`: it is immutable, and the library's encode is const.
final class SentencePieceModel: @unchecked Sendable {
  /// One piece of the vocabulary.
  struct Piece {
    var text: String
    var kind: mr_piece_kind
  }

  private let pointer: OpaquePointer

  /// - Throws: a `TokenizerFileError` with the library's reason.
  init(bytes: [UInt8]) throws(TokenizerFileError) {
    var message = [CChar](repeating: 0, count: 256)
    let pointer = bytes.withUnsafeBytes {
      mr_pieces_load($0.baseAddress, $0.count, &message, message.count)
    }
    guard let pointer else {
      let reason = String(
        decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      throw .notSentencePiece(PrintableText.escaped(reason))
    }
    self.pointer = pointer
  }

  deinit { mr_pieces_free(pointer) }

  func pieces() -> [Piece] {
    (0..<mr_pieces_count(pointer)).map { id in
      var length = 0
      let text = UnsafeBufferPointer(start: mr_pieces_text(pointer, id, &length), count: length)
      return Piece(
        text: String(decoding: text.lazy.map(UInt8.init(bitPattern:)), as: UTF8.self),
        kind: mr_pieces_kind(pointer, id))
    }
  }

  /// The ids of a text; nil for a failure inside the library.
  func ids(of text: some Sequence<Unicode.Scalar>) -> [Int32]? {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: text)
    var string = String(view)
    return string.withUTF8 { utf8 -> [Int32]? in
      // A token is seldom shorter than a byte; where normalization makes more, again with room.
      var capacity = utf8.count + 8
      while true {
        var count = 0
        let ids = [Int32](unsafeUninitializedCapacity: capacity) { buffer, used in
          let chars = UnsafeRawBufferPointer(utf8).bindMemory(to: CChar.self)
          count = mr_pieces_encode(
            pointer, chars.baseAddress, chars.count, buffer.baseAddress, capacity)
          used = max(0, min(count, capacity))
        }
        if count < 0 { return nil }
        if count <= capacity { return ids }
        capacity = count
      }
    }
  }
}
