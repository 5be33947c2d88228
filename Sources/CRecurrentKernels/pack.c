// pack.c: from Keras' layout to panels, and memory.
//
// A panel holds `lanes` units with all their gates (a LINE panel: 4 * lanes units; the last may have 1 to 3 vectors). It is
// W's rows, then U's. A row is one vector a gate (or a vector of units), so a step reads a panel from its first
// word to its last. Units beyond the last are zeros, which keep the padding of state rows zero.
#include "internal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

// As mr_zeros, of any content.
static void *room(size_t *bytes) {
  const size_t huge = 2u << 20, align = *bytes >= huge / 16 ? huge : 64;
  *bytes = (*bytes + align - 1) / align * align + (*bytes ? 0 : align);
  void *p = aligned_alloc(align, *bytes);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (p && align == huge) madvise(p, *bytes, MADV_HUGEPAGE); // a wish: whether it is granted does not matter
#endif
  return p;
}
void *mr_zeros(size_t bytes) {
  void *p = room(&bytes);
  return p ? memset(p, 0, bytes) : NULL;
}
void mr_unpack_free(mr_panels *q) {
  free(q->w), free(q->b), free(q->wscale), free(q->uscale), free(q->wshift), free(q->ushift);
}
// Where a unit's word is: panel, and word within a row of `gates` vectors (LINE: a row of the panel's own width).
typedef struct { size_t panel; int word, row; } place;
static place find(const mr_panels *q, int lanes, int gates, int unit, int gate) {
  if (q->shape != MR_SHAPE_LINE) return (place){unit / lanes, gate * lanes + unit % lanes, gates * lanes};
  const int wide = 4 * lanes, panel = unit / wide, left = q->row - panel * wide;
  return (place){panel, unit % wide, left < wide ? left : wide};
}
// The words of one vector: those of the units that exist, then zeros.
MR_INLINE void copy_vector(float *to, const float *from, int lanes, int there) {
  if (there >= lanes) { // sizes that the compiler knows become plain vector moves
    if (lanes == 16) memcpy(to, from, 64);
    else if (lanes == 8) memcpy(to, from, 32);
    else memcpy(to, from, (size_t)lanes * 4);
    return;
  }
  memcpy(to, from, (size_t)(there > 0 ? there : 0) * 4);
  memset(to + (there > 0 ? there : 0), 0, (size_t)(lanes - (there > 0 ? there : 0)) * 4);
}
// `count` rows of W or U from row `first` on, in f32; `rows` holds just these. Panel by panel, so that both the rows and
// what is written stay in cache. Every word of a row is written, so that the memory need not be cleared before.
static void pack_rows(mr_panels *q, int lanes, int units, bool recurrent, int first, int count, const float *rows, int stride, const int *gate) {
  const bool line = q->shape == MR_SHAPE_LINE;
  const int gates = recurrent ? mr_hgates(q->shape) : mr_xgates(q->shape), xgates = mr_xgates(q->shape), wide = line ? 4 * lanes : lanes;
  for (int panel = 0; panel * wide < q->row; panel++) {
    const int left = q->row - panel * wide, vectors = line ? (left < wide ? left : wide) / lanes : gates;
    const size_t width = (size_t)vectors * lanes, xwidth = line ? width : (size_t)xgates * lanes;
    float *to = (float *)q->w + (size_t)panel * q->panel + (recurrent ? (size_t)q->inputs * xwidth : 0) + (size_t)first * width;
    for (int k = 0; k < count; k++, to += width)
      for (int v = 0; v < vectors; v++) {
        const int unit = panel * wide + (line ? v * lanes : 0);
        copy_vector(to + v * lanes, rows + (size_t)k * stride + gate[line ? 0 : v] + unit, lanes, units - unit);
      }
  }
}
static void pack_f32(mr_panels *q, int lanes, int units, const mr_source *from) {
  // A few rows at a time: they are read once, and written to every panel from cache.
  const int block = 8;
  for (int k = 0; from->w && k < q->inputs; k += block)
    pack_rows(q, lanes, units, false, k, q->inputs - k < block ? q->inputs - k : block, from->w + (size_t)k * from->wstride, from->wstride, from->wgate);
  for (int k = 0; from->u && k < q->recurrent; k += block)
    pack_rows(q, lanes, units, true, k, q->recurrent - k < block ? q->recurrent - k : block, from->u + (size_t)k * from->ustride, from->ustride, from->ugate);
}
void mr_pack_rows(mr_panels *q, const mr_path *path, int units, bool recurrent, int first, int count, const float *rows, int stride, const int *gate) {
  pack_rows(q, path->lanes, units, recurrent, first, count, rows, stride, gate);
}
bool mr_all_finite(const float *values, size_t count) {
  uint32_t worst = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, values + i, 4);
    bits &= 0x7f800000;
    worst = bits > worst ? bits : worst;
  }
  return worst != 0x7f800000;
}
// A bias of -0 becomes +0: then no chain ever gives -0 from one-hot products, and bias + row of W has the same bits.
static void pack_bias(mr_panels *q, int lanes, int units, const mr_source *from) {
  const int chains = mr_chains(q->shape);
  if (!from->bias) return;
  for (int u = 0; u < units; u++)
    for (int g = 0; g < chains; g++) {
      const size_t at = q->shape == MR_SHAPE_LINE ? (size_t)u : ((size_t)u / lanes * chains + g) * lanes + u % lanes;
      q->b[at] = from->bias[from->bgate[g] + u] + 0.0f;
      if (from->add[g] >= 0) q->b[at] += from->bias[from->add[g] + u] + 0.0f;
    }
}
// W or U in bf16, two rows side by side; to nearest, ties to even.
static void pack_bf16(mr_panels *q, int lanes, int units, int rows, int gates, size_t base_words, int base_gates, const float *from, int stride, const int *column) {
  for (int u = 0; u < units; u++)
    for (int g = 0; g < gates; g++) {
      const place at = find(q, lanes, gates, u, g), base = find(q, lanes, base_gates, u, 0);
      uint16_t *to = (uint16_t *)q->w + at.panel * q->panel + (base_words * base.row + at.word) * 2;
      for (int k = 0; k < rows; k++) {
        uint32_t bits;
        memcpy(&bits, &from[(size_t)k * stride + column[g] + u], 4);
        to[(size_t)(k / 2) * at.row * 2 + k % 2] = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
      }
    }
}
// W or U in 8 bits: a row of the packing holds GROUP rows, those of each unit side by side. A column's step is its
// largest weight over 127. `base`: the part's first weight in a panel.
static void pack_int8(mr_panels *q, const mr_path *path, int units, int rows, int gates, size_t base_words, int base_gates, const float *from, int stride,
                      const int *column, float *scale, int32_t *shift) {
  const int lanes = path->lanes, group = path->int8_group;
  for (int u = 0; u < units; u++)
    for (int g = 0; g < gates; g++) {
      const place at = find(q, lanes, gates, u, g), base = find(q, lanes, base_gates, u, 0);
      int8_t *to = (int8_t *)q->w + at.panel * q->panel + (base_words * base.row + at.word) * group;
      float most = 1e-20f;
      int32_t sum = 0;
      for (int k = 0; k < rows; k++) most = fmaxf(most, fabsf(from[(size_t)k * stride + column[g] + u]));
      for (int k = 0; k < rows; k++) {
        const int v = (int)rintf(from[(size_t)k * stride + column[g] + u] * (127.0f / most));
        to[(size_t)(k / group) * at.row * group + k % group] = (int8_t)v;
        sum += v;
      }
      const size_t which = at.panel * (q->shape == MR_SHAPE_LINE ? 4 * lanes : gates * lanes) + at.word;
      scale[which] = most / 127.0f;
      shift[which] = -path->int8_bias * sum;
    }
}
bool mr_pack(mr_panels *q, const mr_path *path, mr_shape shape, mr_format format, int inputs, int recurrent, int units, const mr_source *from) {
  const int lanes = path->lanes, row = mr_row(units), wide = shape == MR_SHAPE_LINE ? 4 * lanes : lanes;
  const int group = format == MR_INT8 ? path->int8_group : format == MR_BF16 ? 2 : 1, xg = mr_xgates(shape), hg = mr_hgates(shape);
  static const size_t size[] = {[MR_F32] = 4, [MR_BF16] = 2, [MR_INT8] = 1};
  *q = (mr_panels){.shape = shape, .format = format, .inputs = inputs, .recurrent = recurrent, .row = row,
                   .xwords = (inputs + group - 1) / group, .hwords = (recurrent + group - 1) / group};
  if (format != MR_F32) q->xwords = mr_round_up(q->xwords, path->words), q->hwords = mr_round_up(q->hwords, path->words);
  q->panel = ((size_t)q->xwords * xg + (size_t)q->hwords * hg) * wide * group;
  size_t bytes = q->panel * ((size_t)(row + wide - 1) / wide) * size[format];
  q->far = bytes > 1 << 20;
  q->w = format == MR_F32 ? room(&bytes) : mr_zeros(bytes); // pack_rows writes all that is read
  q->b = mr_zeros((size_t)row * mr_chains(shape) * 4);
  if (!q->w || !q->b) return false;
  pack_bias(q, lanes, units, from);
  if (format == MR_F32) pack_f32(q, lanes, units, from);
  if (format == MR_BF16) {
    pack_bf16(q, lanes, units, inputs, xg, 0, xg, from->w, from->wstride, from->wgate);
    pack_bf16(q, lanes, units, recurrent, hg, q->xwords, xg, from->u, from->ustride, from->ugate);
  }
  if (format == MR_INT8) {
    q->wscale = mr_zeros((size_t)row * xg * 4), q->uscale = mr_zeros((size_t)row * hg * 4);
    q->wshift = mr_zeros((size_t)row * xg * 4), q->ushift = mr_zeros((size_t)row * hg * 4);
    if (!q->wscale || !q->uscale || !q->wshift || !q->ushift) return false;
    pack_int8(q, path, units, inputs, xg, 0, xg, from->w, from->wstride, from->wgate, q->wscale, q->wshift);
    pack_int8(q, path, units, recurrent, hg, q->xwords, xg, from->u, from->ustride, from->ugate, q->uscale, q->ushift);
  }
  return true;
}
