// cell.c: recurrent cells: packing, and how a step is made of passes over the panels.
#include "cell.h"
#include <stdlib.h>
#include <string.h>

int mr_row(int width) { return mr_round_up(width, MR_ROW); }

mr_cell *mr_cell_create(mr_kind kind, mr_format format, int inputs, int units, const float *kernel, const float *recurrent_kernel, const float *bias) {
  if (inputs <= 0 || units <= 0) return NULL;
  mr_cell *cell = calloc(1, sizeof *cell);
  if (!cell) return NULL;
  *cell = (mr_cell){.path = mr_current_path(), .kind = kind, .format = format, .inputs = inputs, .units = units, .row = mr_row(units)};
  const int n = units, gates = kind == MR_LSTM ? 4 : kind == MR_SIMPLE_RNN ? 1 : 3;
  mr_source from = {.w = kernel, .u = recurrent_kernel, .wstride = gates * n, .ustride = gates * n, .bias = bias};
  for (int g = 0; g < 4; g++) from.wgate[g] = from.ugate[g] = from.bgate[g] = g * n, from.add[g] = -1;
  mr_shape shape = MR_SHAPE_LINE;
  if (kind == MR_LSTM) shape = MR_SHAPE_LSTM;
  if (kind == MR_GRU_BEFORE) shape = MR_SHAPE_GRU_BEFORE;
  if (kind == MR_GRU) {
    shape = MR_SHAPE_GRU_AFTER;
    from.add[0] = 3 * n, from.add[1] = 4 * n; // z and r are one chain: input bias + recurrent bias
    from.bgate[3] = 5 * n;                    // the candidate's recurrent chain
  }
  bool done = mr_pack(&cell->gates, cell->path, shape, format, inputs, units, units, &from);
  if (done && kind == MR_GRU_BEFORE) { // no W and no bias: the chain goes on from the gate pass's sums
    mr_source candidate = {.u = recurrent_kernel, .ustride = 3 * n, .ugate = {2 * n}};
    done = mr_pack(&cell->candidate, cell->path, MR_SHAPE_LINE, format, 0, units, units, &candidate);
  }
  if (!done) mr_cell_free(cell), cell = NULL;
  return cell;
}
void mr_cell_pack_rows(mr_cell *cell, bool recurrent, int first, int count, const float *rows) {
  const int n = cell->units, gates = cell->kind == MR_LSTM ? 4 : cell->kind == MR_SIMPLE_RNN ? 1 : 3, gate[4] = {0, n, 2 * n, 3 * n};
  mr_pack_rows(&cell->gates, cell->path, n, recurrent, first, count, rows, gates * n, gate);
  if (recurrent && cell->kind == MR_GRU_BEFORE) mr_pack_rows(&cell->candidate, cell->path, n, true, first, count, rows, gates * n, gate + 2);
}
void mr_cell_free(mr_cell *cell) {
  if (!cell) return;
  mr_unpack_free(&cell->gates);
  mr_unpack_free(&cell->candidate);
  free(cell);
}
const char *mr_cell_kernels(const mr_cell *cell) { return cell->path->name; }
int mr_cell_projected_row(const mr_cell *cell) { return cell->row * mr_xgates(cell->gates.shape); }

size_t mr_cell_scratch(const mr_cell *cell) { return (mr_steps_floats(cell) + mr_block_floats(cell)) * sizeof(float); }

// One pass over one set of panels. int8, and bf16 by a dot instruction: the rows of activations are rounded first.
static void pass(const mr_cell *cell, const mr_panels *q, mr_job job, int n, mr_rows *r, float *scratch) {
  const mr_path *path = cell->path;
  const bool reads_x = job != MR_JOB_REST, reads_h = job != MR_JOB_PROJECT;
  if (q->format == MR_F32) {
    path->f32(q, job, n, r);
    return;
  }
  const bool rounds = q->format == MR_BF16;
  if (rounds && !path->round) {
    r->xq = (const void *const *)r->x, r->hq = (const void *const *)r->h_in;
    path->bf16(q, job, n, r);
    return;
  }
  const void *xq[MR_BLOCK_MOST], *hq[MR_BLOCK_MOST];
  float xstep[MR_BLOCK_MOST], hstep[MR_BLOCK_MOST];
  const size_t width = mr_quantised_bytes(cell->inputs), hwidth = mr_quantised_bytes(cell->row);
  char *to = (char *)scratch;
  for (int s = 0; s < n; s++, to += width + hwidth) {
    xq[s] = to, hq[s] = to + width;
    if (rounds) {
      if (reads_x) path->round(q->inputs, r->x[s], (uint16_t *)to);
      if (reads_h) path->round(q->recurrent, r->h_in[s], (uint16_t *)(to + width));
    } else {
      if (reads_x) path->quantise(q->inputs, r->x[s], to, &xstep[s]);
      if (reads_h) path->quantise(q->recurrent, r->h_in[s], to + width, &hstep[s]);
    }
  }
  r->xq = xq, r->hq = hq, r->xstep = xstep, r->hstep = hstep;
  if (rounds) path->bf16(q, job, n, r);
  else path->int8(q, job, n, r);
}
void mr_gate_pass(const mr_cell *cell, mr_job job, int n, mr_rows *r, float *scratch) { pass(cell, &cell->gates, job, n, r, scratch); }
void mr_candidate_pass(const mr_cell *cell, int n, mr_rows *r, float *scratch) { pass(cell, &cell->candidate, MR_JOB_REST, n, r, scratch); }

// A block of a GRU without reset_after: the gates of all units come before any candidate, as it reads all of r * h.
static void step_before(const mr_cell *cell, mr_job job, int n, const float *const *x, const float *const *h_in, float *const *h_out, float *scratch) {
  float *z[MR_BLOCK_MOST], *reset[MR_BLOCK_MOST], *sums[MR_BLOCK_MOST];
  const size_t row = cell->row;
  for (int s = 0; s < n; s++, scratch += MR_BEFORE_ROWS * row) z[s] = scratch, reset[s] = scratch + row, sums[s] = scratch + 2 * row;
  scratch += (mr_block(cell) - n) * MR_BEFORE_ROWS * row;
  mr_gate_pass(cell, job, n, &(mr_rows){.x = x, .h_in = h_in, .old = h_in, .out = sums, .update = z, .reset = reset}, scratch);
  mr_candidate_pass(cell, n, &(mr_rows){.x = MR_CONST(sums), .h_in = MR_CONST(reset), .old = h_in, .z = MR_CONST(z), .out = h_out}, scratch);
}
static void step(const mr_cell *cell, mr_job job, int n, const float *const *x, const float *const *h_in, float *const *h_out, float *const *c, float *scratch) {
  if (cell->kind != MR_GRU_BEFORE && cell->format == MR_F32) {
    mr_gate_pass(cell, job, n, &(mr_rows){.x = x, .h_in = h_in, .out = h_out, .c = c}, scratch);
    return;
  }
  const int block = mr_block(cell);
  for (int s = 0; s < n; s += block) {
    const int m = n - s < block ? n - s : block;
    if (cell->kind == MR_GRU_BEFORE) step_before(cell, job, m, x + s, h_in + s, h_out + s, scratch);
    else mr_gate_pass(cell, job, m, &(mr_rows){.x = x + s, .h_in = h_in + s, .out = h_out + s, .c = c ? c + s : NULL}, scratch);
  }
}
void mr_step(const mr_cell *cell, int n, const float *const *x, const float *const *h_in, float *const *h_out, float *const *c, void *scratch) {
  step(cell, MR_JOB_STEP, n, x, h_in, h_out, c, scratch);
}
void mr_step_projected(const mr_cell *cell, int n, const float *const *rows, const float *const *h_in, float *const *h_out, float *const *c, void *scratch) {
  step(cell, MR_JOB_REST, n, rows, h_in, h_out, c, scratch);
}
void mr_project(const mr_cell *cell, int n, const float *const *x, float *const *rows, void *scratch) {
  const int most = cell->format == MR_F32 ? n : mr_block(cell);
  for (int s = 0; s < n; s += most)
    mr_gate_pass(cell, MR_JOB_PROJECT, n - s < most ? n - s : most, &(mr_rows){.x = x + s, .out = rows + s}, scratch);
}
void mr_steps(const mr_cell *cell, int count, const float *const *x, const float *h_in, float *const *h_out, float *c, void *scratch) {
  float *rows[MR_BLOCK], *rest = (float *)scratch + mr_steps_floats(cell);
  const size_t width = mr_cell_projected_row(cell);
  for (int i = 0; i < MR_BLOCK; i++) rows[i] = (float *)scratch + i * width;
  for (int t = 0; t < count; t += MR_BLOCK) {
    const int n = count - t < MR_BLOCK ? count - t : MR_BLOCK;
    if (count == 1) { // nothing to gather
      step(cell, MR_JOB_STEP, 1, x, &h_in, h_out, &c, rest);
      return;
    }
    mr_project(cell, n, x + t, rows, rest);
    for (int i = 0; i < n; i++) {
      const float *row = rows[i];
      step(cell, MR_JOB_REST, 1, &row, &h_in, &h_out[t + i], &c, rest);
      h_in = h_out[t + i];
    }
  }
}
