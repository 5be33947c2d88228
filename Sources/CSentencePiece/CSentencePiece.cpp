#include "CSentencePiece.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <vector>

struct mr_pieces {
  sentencepiece::SentencePieceProcessor processor;
};

static void say(const std::string &reason, char *message, size_t size) {
  if (size > 0) std::snprintf(message, size, "%s", reason.c_str());
}

mr_pieces *mr_pieces_load(const void *bytes, size_t count, char *message, size_t message_size) {
  mr_pieces *pieces = nullptr;
  try {
    pieces = new mr_pieces;
    const auto status =
        pieces->processor.LoadFromSerializedProto(std::string_view(static_cast<const char *>(bytes), count));
    if (status.ok() && pieces->processor.status().ok()) return pieces;
    say(status.ok() ? pieces->processor.status().ToString() : status.ToString(), message, message_size);
  } catch (const std::exception &error) {
    say(error.what(), message, message_size);
  }
  delete pieces;
  return nullptr;
}

void mr_pieces_free(mr_pieces *pieces) { delete pieces; }

int32_t mr_pieces_count(const mr_pieces *pieces) { return pieces->processor.GetPieceSize(); }

const char *mr_pieces_text(const mr_pieces *pieces, int32_t id, size_t *length) {
  const std::string &text = pieces->processor.IdToPiece(id);
  *length = text.size();
  return text.data();
}

mr_piece_kind mr_pieces_kind(const mr_pieces *pieces, int32_t id) {
  if (pieces->processor.IsUnknown(id)) return MR_PIECE_UNKNOWN;
  if (pieces->processor.IsControl(id)) return MR_PIECE_CONTROL;
  if (pieces->processor.IsUnused(id)) return MR_PIECE_UNUSED;
  return MR_PIECE_TEXT;
}

ptrdiff_t mr_pieces_encode(const mr_pieces *pieces, const char *text, size_t length, int32_t *ids, size_t capacity) {
  try {
    std::vector<int> found;
    if (!pieces->processor.Encode(std::string_view(text, length), &found).ok()) return -1;
    std::copy_n(found.begin(), std::min(capacity, found.size()), ids);
    return static_cast<ptrdiff_t>(found.size());
  } catch (const std::exception &) {
    return -1;
  }
}
