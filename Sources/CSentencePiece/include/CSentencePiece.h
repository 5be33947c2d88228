// CSentencePiece.h: what Millrace needs of SentencePiece's C++ API, in C.
//
// Threads. A model is immutable once loaded and may be shared. Nothing throws across this border.
#ifndef C_SENTENCEPIECE_H
#define C_SENTENCEPIECE_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mr_pieces mr_pieces;

typedef enum {
  MR_PIECE_TEXT,     // normal, user-defined, or a byte
  MR_PIECE_UNKNOWN,
  MR_PIECE_CONTROL,  // <s>, </s>: never in what a text gives
  MR_PIECE_UNUSED,   // likewise
} mr_piece_kind;

// Loads a .model file's bytes. NULL when they are none; `message` (never NULL) then says why, cut to `message_size`.
mr_pieces *mr_pieces_load(const void *bytes, size_t count, char *message, size_t message_size);
void mr_pieces_free(mr_pieces *pieces);

int32_t mr_pieces_count(const mr_pieces *pieces);
// The text of piece `id`, which lies in 0 to count - 1: UTF-8 without an end mark, alive as long as the model.
const char *mr_pieces_text(const mr_pieces *pieces, int32_t id, size_t *length);
mr_piece_kind mr_pieces_kind(const mr_pieces *pieces, int32_t id);

// Ids of a text, without <s> and </s>. Returns how many there are, and writes as many as `capacity` holds; a negative
// number for a failure inside the library.
ptrdiff_t mr_pieces_encode(const mr_pieces *pieces, const char *text, size_t length, int32_t *ids, size_t capacity);

#ifdef __cplusplus
}
#endif
#endif
