// layers.c: token tables and the layers without state.
#include "cell.h"
#include <stdlib.h>
#include <string.h>

struct mr_table { size_t width, bytes; float *rows; };

mr_table *mr_table_create(const mr_cell *cell, int vocabulary, const float *embeddings) {
  mr_table *table = calloc(1, sizeof *table);
  if (!table) return NULL;
  table->width = mr_cell_projected_row(cell);
  table->bytes = table->width * (size_t)vocabulary * sizeof(float);
  table->rows = mr_zeros(table->bytes);
  void *scratch = mr_zeros(mr_cell_scratch(cell));
  float *one = mr_zeros((size_t)cell->inputs * sizeof(float) * MR_BLOCK); // one-hot vectors
  for (int t = 0; table->rows && scratch && one && t < vocabulary; t += MR_BLOCK) {
    const float *x[MR_BLOCK];
    float *rows[MR_BLOCK];
    const int n = vocabulary - t < MR_BLOCK ? vocabulary - t : MR_BLOCK;
    for (int s = 0; s < n; s++) {
      x[s] = embeddings ? embeddings + (size_t)(t + s) * cell->inputs : one + (size_t)s * cell->inputs;
      rows[s] = table->rows + (t + s) * table->width;
      if (!embeddings) one[(size_t)s * cell->inputs + t + s] = 1;
    }
    mr_project(cell, n, x, rows, scratch);
    for (int s = 0; !embeddings && s < n; s++) one[(size_t)s * cell->inputs + t + s] = 0;
  }
  bool done = table->rows && scratch && one;
  free(scratch), free(one);
  if (!done) mr_table_free(table), table = NULL;
  return table;
}
void mr_table_free(mr_table *table) {
  if (table) free(table->rows), free(table);
}
size_t mr_table_bytes(const mr_table *table) { return table->bytes; }
const float *mr_table_row(const mr_table *table, int token) { return table->rows + (size_t)token * table->width; }

struct mr_dense { const mr_path *path; int taps, units; mr_panels panels; };

mr_dense *mr_dense_create(int taps, int inputs, int units, const float *kernel, const float *bias) {
  if (taps <= 0 || inputs <= 0 || units <= 0) return NULL;
  mr_dense *dense = calloc(1, sizeof *dense);
  if (!dense) return NULL;
  dense->path = mr_current_path(), dense->taps = taps, dense->units = units;
  mr_source from = {.w = kernel, .wstride = units, .bias = bias, .add = {-1}};
  if (!mr_pack(&dense->panels, dense->path, MR_SHAPE_LINE, MR_F32, taps * inputs, 0, units, &from)) mr_dense_free(dense), dense = NULL;
  return dense;
}
void mr_dense_pack_rows(mr_dense *dense, int first, int count, const float *rows) {
  mr_pack_rows(&dense->panels, dense->path, dense->units, false, first, count, rows, dense->units, (const int[]){0});
}
void mr_dense_free(mr_dense *dense) {
  if (dense) mr_unpack_free(&dense->panels), free(dense);
}
void mr_dense_apply(const mr_dense *dense, int n, const float *const *x, float *const *out) {
  if (dense->taps > 1) dense->path->taps(&dense->panels, dense->taps, n, x, out);
  else dense->path->f32(&dense->panels, MR_JOB_PROJECT, n, &(mr_rows){.x = x, .out = out});
}
void mr_apply(mr_unit_function function, int width, int n, float *const *rows) {
  const mr_path *path = mr_current_path();
  for (int s = 0; s < n; s++) path->unit(function, width, rows[s]);
}
void mr_softmax(int width, int n, float *const *rows) {
  const mr_path *path = mr_current_path();
  for (int s = 0; s < n; s++) path->softmax(width, rows[s]);
}
void mr_layer_norm(int width, const float *gamma, const float *beta, float epsilon, int n, const float *const *x, float *const *out) {
  const mr_path *path = mr_current_path();
  for (int s = 0; s < n; s++) path->layer_norm(width, gamma, beta, epsilon, x[s], out[s]);
}
void mr_scale(int width, const float *scale, const float *offset, int n, const float *const *x, float *const *out) {
  const mr_path *path = mr_current_path();
  const int row = mr_round_up(width, MR_ROW);
  for (int s = 0; s < n; s++) {
    memcpy(out[s], offset, row * sizeof(float));
    path->fuse(row, x[s], scale, out[s]);
  }
}
