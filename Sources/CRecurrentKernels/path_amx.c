// path_amx.c: steps in bf16 and int8 with the tiles of AMX (Intel, Sapphire Rapids and later), sixteen streams a multiplication. In
// int8 the bits are everybody's, as integer sums are exact. In bf16 a tile adds the products of even rows and those of odd rows
// each for itself, and reads and gives denormals as zero: these results are not those of the other paths. Needs no -m flags.
//
// A tile of weights is 16 rows of the packing, one vector each, just as a panel has them. A tile of activations is 64 bytes of the row
// of each stream, one of sums a vector of each stream. Tiles 0 to 3 hold sums, 4 and 5 activations, 6 and 7 weights.
// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18.
#if defined(__x86_64__)
#include "avx512.h"
#include <cpuid.h>
#include <immintrin.h>
#include <string.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#define NAME(x) amx_##x
#define OP(x) _mm512_##x
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,amx-tile,amx-bf16,amx-int8")))
#define V __m512
#define LANES 16
#define STREAMS 4
#define SOLO 4
#define TOGETHER 4
TARGET MR_INLINE V amx_shl23(V v) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(v), 23)); }
#include "functions_body.h"
#include "gates_body.h"

enum { TILE_ROWS = 16, TILE_BYTES = 64 };

// Linux lets a process use tiles once it has asked: they make what is saved of a thread 8 KiB larger.
// https://docs.kernel.org/arch/x86/xstate.html
bool mr_amx_available(void) {
#if defined(__linux__)
  enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  const unsigned wanted = 1u << 22 | 1u << 24 | 1u << 25; // AMX-BF16, AMX-TILE, AMX-INT8
  return (d & wanted) == wanted && syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#else
  return false;
#endif
}

// Tiles of `m` streams.
TARGET MR_INLINE void amx_configure(int m) {
  struct {
    uint8_t palette, start, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
  } c = {.palette = 1};
  for (int t = 0; t < 8; t++) c.row_bytes[t] = TILE_BYTES, c.rows[t] = t < 6 ? m : TILE_ROWS;
  _tile_loadconfig(&c);
}

// A processor that turns from tiles to 512-bit arithmetic and back loses about a third of a microsecond each time, as the tiles' unit
// wakes up. So a pass multiplies some tiles, and only then takes all their sums through the gates.
enum { TILES_TOGETHER = 16 };
// Sums of up to sixteen streams and one panel: [gate][stream][unit of the panel].
typedef float amx_sums[4][TILE_ROWS][LANES] __attribute__((aligned(64)));
typedef int32_t amx_ints[4][TILE_ROWS][LANES] __attribute__((aligned(64)));
typedef union {
  amx_sums sums;
  struct { amx_ints x, h; };
} amx_tile;

// ---- Multiplications ------------------------------------------------------------------------------------------------------

// Adds one part (x or h) to the sums in tiles 0 to 3: `words` rows of G vectors of weights, a multiple of 16.
// amx_*_one: sixteen streams, vector g feeds tile g, the third one tile `third`.
// amx_*_two: twice sixteen streams, `apart` bytes from each other, so that weights are fetched for both. Vector `first`, unless it is -1,
// feeds tile 0 and, for the second sixteen, tile 2; `second` feeds 1 and 3.
#define MACS(FORMAT, DOT)                                                                                                       \
  TARGET MR_INLINE void amx_##FORMAT##_one(const int G, const int third, const char *rows, size_t stride, int words, const char *w) { \
    for (int k = 0; k < words; k += TILE_ROWS, rows += TILE_BYTES, w += G * TILE_ROWS * TILE_BYTES) {                           \
      _tile_loadd(4, rows, stride);                                                                                             \
      _tile_loadd(6, w, G * TILE_BYTES);                                                                                        \
      DOT(0, 4, 6);                                                                                                             \
      if (G > 1) _tile_loadd(7, w + TILE_BYTES, G * TILE_BYTES);                                                                \
      if (G > 1) DOT(1, 4, 7);                                                                                                  \
      if (G > 2) _tile_loadd(6, w + 2 * TILE_BYTES, G * TILE_BYTES);                                                            \
      if (G > 2 && third == 2) DOT(2, 4, 6);                                                                                    \
      if (G > 2 && third == 3) DOT(3, 4, 6);                                                                                    \
      if (G > 3) _tile_loadd(7, w + 3 * TILE_BYTES, G * TILE_BYTES);                                                            \
      if (G > 3) DOT(3, 4, 7);                                                                                                  \
    }                                                                                                                           \
  }                                                                                                                             \
  TARGET MR_INLINE void amx_##FORMAT##_two(const int G, const int first, const int second, const char *rows, size_t stride, size_t apart, int words, \
                                           const char *w) {                                                                     \
    for (int k = 0; k < words; k += TILE_ROWS, rows += TILE_BYTES, w += G * TILE_ROWS * TILE_BYTES) {                           \
      _tile_loadd(4, rows, stride);                                                                                             \
      _tile_loadd(5, rows + apart, stride);                                                                                     \
      if (first >= 0) _tile_loadd(6, w + first * TILE_BYTES, G * TILE_BYTES);                                                   \
      if (first >= 0) DOT(0, 4, 6);                                                                                             \
      if (first >= 0) DOT(2, 5, 6);                                                                                             \
      if (second >= 0) _tile_loadd(7, w + second * TILE_BYTES, G * TILE_BYTES);                                                 \
      if (second >= 0) DOT(1, 4, 7);                                                                                            \
      if (second >= 0) DOT(3, 5, 7);                                                                                            \
    }                                                                                                                           \
  }
MACS(bf16, _tile_dpbf16ps)
MACS(int8, _tile_dpbusd)
#undef MACS
// The vector of a part that feeds a chain; -1: none.
MR_INLINE int amx_vector(int chain, int vectors, int third) {
  const int v = third == 3 && chain >= 2 ? chain == 3 ? 2 : -1 : chain;
  return v < vectors ? v : -1;
}
#define STORE(T, TO) _tile_stored(T, TO, TILE_BYTES)

// ---- bf16 ---------------------------------------------------------------------------------------------------------------

// What the sums of a chain start from: biases, one row for all streams, or sums that were stored.
#define BEGIN(T, chain, sums)                                                                                                \
  {                                                                                                                          \
    if (job == MR_JOB_REST && (chain) < xg) _tile_loadd(T, sums[chain], TILE_BYTES);                                           \
    else _tile_loadd(T, q->b + p * (shape == MR_SHAPE_LINE ? 4 : chains) * LANES + (chain) * LANES, 0);                      \
  }
TARGET MR_INLINE void amx_bf16_sums(const mr_shape shape, const int G, mr_job job, const mr_panels *q, int p, const mr_rows *r, int s, int m, int n, size_t stride,
                                    amx_tile *to) {
  const bool line = shape == MR_SHAPE_LINE;
  const int chains = line ? G : mr_chains(shape), xg = line ? G : mr_xgates(shape), hg = line ? G : mr_hgates(shape), third = shape == MR_SHAPE_GRU_AFTER ? 3 : 2;
  const char *w = (const char *)((const uint16_t *)q->w + p * q->panel), *u = w + (size_t)q->xwords * xg * TILE_BYTES;
  if (job == MR_JOB_REST)
    for (int j = 0; j < n; j++)
      MR_UNROLL for (int g = 0; g < xg; g++) OP(store_ps)(to[j / m].sums[g][j % m], OP(loadu_ps)(r->x[s + j] + (p * (line ? 4 : xg) + g) * LANES));
  if (n <= m) {
    BEGIN(0, 0, to->sums)
    if (chains > 1) BEGIN(1, 1, to->sums)
    if (chains > 2) BEGIN(2, 2, to->sums)
    if (chains > 3) BEGIN(3, 3, to->sums)
    if (job != MR_JOB_REST) amx_bf16_one(xg, 2, r->xq[s], stride, q->xwords, w);
    if (job != MR_JOB_PROJECT) amx_bf16_one(hg, third, r->hq[s], stride, q->hwords, u);
    STORE(0, to->sums[0]);
    if (chains > 1) STORE(1, to->sums[1]);
    if (chains > 2) STORE(2, to->sums[2]);
    if (chains > 3) STORE(3, to->sums[3]);
    return;
  }
  MR_UNROLL for (int c = 0; c < chains; c += 2) {
    BEGIN(0, c, to->sums)
    BEGIN(2, c, to[1].sums)
    if (c + 1 < chains) BEGIN(1, c + 1, to->sums)
    if (c + 1 < chains) BEGIN(3, c + 1, to[1].sums)
    if (job != MR_JOB_REST) amx_bf16_two(xg, amx_vector(c, xg, 2), amx_vector(c + 1, xg, 2), r->xq[s], stride, m * stride, q->xwords, w);
    if (job != MR_JOB_PROJECT) amx_bf16_two(hg, amx_vector(c, hg, third), amx_vector(c + 1, hg, third), r->hq[s], stride, m * stride, q->hwords, u);
    STORE(0, to->sums[c]);
    STORE(2, to[1].sums[c]);
    if (c + 1 < chains) STORE(1, to->sums[c + 1]);
    if (c + 1 < chains) STORE(3, to[1].sums[c + 1]);
  }
}
#undef BEGIN
// From the sums of M streams from `i` on to their new state.
TARGET MR_INLINE void amx_bf16_finish(const mr_shape shape, const int M, const int G, mr_job job, const mr_rows *r, int s, int i, int p, const amx_sums sums) {
  const int chains = shape == MR_SHAPE_LINE ? G : mr_chains(shape);
  V chain[M][4];
  MR_UNROLL for (int j = 0; j < M; j++)
    MR_UNROLL for (int g = 0; g < chains; g++) chain[j][g] = OP(load_ps)(sums[g][i + j]);
  NAME(give)(shape, M, 1, G, job, chain, r, s + i, p);
}

// ---- int8 ---------------------------------------------------------------------------------------------------------------

// One part of the sums, from what integer sums start from, one row for all streams.
#define SUMS(t) (is_x ? to[t].x : to[t].h)
TARGET MR_INLINE void amx_int8_sums(const int G, const bool is_x, const char *rows, size_t stride, int words, const char *w, const int32_t *shift, int m, int n, amx_tile *to) {
  if (n <= m) {
    _tile_loadd(0, shift, 0);
    if (G > 1) _tile_loadd(1, shift + LANES, 0);
    if (G > 2) _tile_loadd(2, shift + 2 * LANES, 0);
    if (G > 3) _tile_loadd(3, shift + 3 * LANES, 0);
    amx_int8_one(G, 2, rows, stride, words, w);
    STORE(0, SUMS(0)[0]);
    if (G > 1) STORE(1, SUMS(0)[1]);
    if (G > 2) STORE(2, SUMS(0)[2]);
    if (G > 3) STORE(3, SUMS(0)[3]);
    return;
  }
  MR_UNROLL for (int g = 0; g < G; g += 2) {
    _tile_loadd(0, shift + g * LANES, 0);
    _tile_loadd(2, shift + g * LANES, 0);
    if (g + 1 < G) _tile_loadd(1, shift + (g + 1) * LANES, 0);
    if (g + 1 < G) _tile_loadd(3, shift + (g + 1) * LANES, 0);
    amx_int8_two(G, g, g + 1 < G ? g + 1 : -1, rows, stride, m * stride, words, w);
    STORE(0, SUMS(0)[g]);
    STORE(2, SUMS(1)[g]);
    if (g + 1 < G) STORE(1, SUMS(0)[g + 1]);
    if (g + 1 < G) STORE(3, SUMS(1)[g + 1]);
  }
}
#undef SUMS
TARGET MR_INLINE void amx_int8_both(const mr_shape shape, const int G, mr_job job, const mr_panels *q, int p, const mr_rows *r, int s, int m, int n, size_t stride, amx_tile *to) {
  const bool line = shape == MR_SHAPE_LINE;
  const int xg = line ? G : mr_xgates(shape), hg = line ? G : mr_hgates(shape);
  const char *w = (const char *)q->w + p * q->panel;
  if (job != MR_JOB_REST) amx_int8_sums(xg, true, r->xq[s], stride, q->xwords, w, q->wshift + p * (line ? 4 : xg) * LANES, m, n, to);
  if (job != MR_JOB_PROJECT)
    amx_int8_sums(hg, false, r->hq[s], stride, q->hwords, w + (size_t)q->xwords * xg * TILE_BYTES, q->ushift + p * (line ? 4 : hg) * LANES, m, n, to);
}
// Adds one part to chains, as int8_body.h does.
TARGET MR_INLINE void amx_int8_part(const int M, const int gates, const int third, V (*chain)[4], int i, const float *steps, const float *columns, const amx_ints sums) {
  MR_UNROLL for (int j = 0; j < M; j++)
    MR_UNROLL for (int g = 0; g < gates; g++) {
      V *to = &chain[j][g == 2 ? third : g];
      *to = OP(fmadd_ps)(OP(cvtepi32_ps)(OP(load_si512)(sums[g][i + j])) * OP(set1_ps)(steps[i + j]), OP(loadu_ps)(columns + g * LANES), *to);
    }
}
TARGET MR_INLINE void amx_int8_finish(const mr_shape shape, const int M, const int G, mr_job job, const mr_panels *q, const mr_rows *r, int s, int i, int p, int n,
                                      const amx_tile *from) {
  const bool line = shape == MR_SHAPE_LINE;
  const int xg = line ? G : mr_xgates(shape), hg = line ? G : mr_hgates(shape);
  V chain[M][4];
  NAME(begin)(shape, M, 1, G, job, chain, q, p, r, s + i, n);
  if (job != MR_JOB_REST) amx_int8_part(M, xg, 2, chain, i, r->xstep + s, q->wscale + p * (line ? 4 : xg) * LANES, from->x);
  if (job != MR_JOB_PROJECT)
    amx_int8_part(M, hg, shape == MR_SHAPE_GRU_AFTER ? 3 : 2, chain, i, r->hstep + s, q->uscale + p * (line ? 4 : hg) * LANES, from->h);
  NAME(give)(shape, M, 1, G, job, chain, r, s + i, p);
}

// ---- Passes -------------------------------------------------------------------------------------------------------------

typedef struct {
  mr_job job;
  const mr_panels *q;
  const mr_rows *r;
  int n, most;   // streams, and those of a tile
  size_t stride; // from one row of activations to the next
} amx_pass;

// Panels `from` up to `to`, all streams in blocks; rows behind the last stream are multiplied too, and go nowhere.
TARGET MR_INLINE void amx_panels(const mr_format format, const mr_shape shape, const int G, const amx_pass *a, int from, int to, amx_tile *tiles) {
  amx_tile *tile = tiles;
  for (int p = from; p < to; p++)
    for (int s = 0; s < a->n;) {
      const int left = a->n - s, n = left < 2 * a->most ? left : 2 * a->most; // one tile, or two
      if (format == MR_BF16) amx_bf16_sums(shape, G, a->job, a->q, p, a->r, s, a->most, n, a->stride, tile);
      else amx_int8_both(shape, G, a->job, a->q, p, a->r, s, a->most, n, a->stride, tile);
      s += n, tile += n > a->most ? 2 : 1;
    }
  tile = tiles;
#define FINISH(M)                                                                        \
  if (format == MR_BF16) amx_bf16_finish(shape, M, G, a->job, a->r, s, i, p, tile->sums); \
  else amx_int8_finish(shape, M, G, a->job, a->q, a->r, s, i, p, a->n, tile)
  for (int p = from; p < to; p++)
    for (int s = 0; s < a->n; s += a->most, tile++) {
      const int m = a->n - s < a->most ? a->n - s : a->most;
      int i = 0;
      for (; i + STREAMS <= m; i += STREAMS) FINISH(STREAMS);
      for (; i < m; i++) FINISH(1);
    }
#undef FINISH
}
TARGET MR_INLINE void amx_shape(const mr_format format, const mr_shape shape, const amx_pass *a) {
  amx_tile tiles[TILES_TOGETHER];
  const int vectors = a->q->row / LANES, whole = shape == MR_SHAPE_LINE ? vectors / 4 : vectors, blocks = (a->n + a->most - 1) / a->most;
  const int together = TILES_TOGETHER / blocks;
  for (int p = 0; p < whole; p += together) amx_panels(format, shape, 4, a, p, p + together < whole ? p + together : whole, tiles);
  if (shape == MR_SHAPE_LINE) switch (vectors % 4) { // the narrower last panel
    case 1: amx_panels(format, shape, 1, a, whole, whole + 1, tiles); break;
    case 2: amx_panels(format, shape, 2, a, whole, whole + 1, tiles); break;
    case 3: amx_panels(format, shape, 3, a, whole, whole + 1, tiles); break;
  }
}
TARGET MR_INLINE void amx_run(const mr_format format, const mr_panels *q, mr_job job, int n, const mr_rows *r) {
  const int blocks = (n + TILE_ROWS - 1) / TILE_ROWS;
  const void *const *rows = job == MR_JOB_REST ? r->hq : r->xq;
  const amx_pass a = {job, q, r, n, (n + blocks - 1) / blocks, n > 1 ? (size_t)((const char *)rows[1] - (const char *)rows[0]) : TILE_BYTES};
  amx_configure(a.most);
#define CASE(SHAPE) case SHAPE: amx_shape(format, SHAPE, &a); break;
  switch (q->shape) { CASE(MR_SHAPE_LSTM) CASE(MR_SHAPE_GRU_AFTER) CASE(MR_SHAPE_GRU_BEFORE) CASE(MR_SHAPE_LINE) }
#undef CASE
  _tile_release();
}
TARGET void mr_amx_bf16_run(const mr_panels *q, mr_job job, int n, const mr_rows *r) { amx_run(MR_BF16, q, job, n, r); }
// Few streams, and sums of few products, are sooner without tiles; the bits are the same.
TARGET void mr_amx_int8_run(const mr_panels *q, mr_job job, int n, const mr_rows *r) {
  enum { STREAMS_LEAST = 8, PRODUCTS_LEAST = 192 };
  if (n < STREAMS_LEAST || q->inputs + q->recurrent < PRODUCTS_LEAST) mr_path_avx512.int8(q, job, n, r);
  else amx_run(MR_INT8, q, job, n, r);
}
#else
typedef int mr_no_amx; // a translation unit may not be empty
#endif
