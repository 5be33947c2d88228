// general.c: a step with activations the caller brings. The kernels stop at the sums; this goes on gate by gate, with the
// same operations in the same order as the kernels' own gates.
#include "cell.h"
#include <string.h>

static void apply(const mr_cell *cell, mr_activation activation, mr_unit_function usual, float *row) {
  if (activation.apply) activation.apply(activation.context, row, cell->units);
  else cell->path->unit(usual, cell->units, row);
}
// From the order of the panels to one row a gate.
static void separate(const mr_cell *cell, int gates, const float *sums, float *rows) {
  if (cell->kind == MR_SIMPLE_RNN) gates = 1;
  const int lanes = cell->kind == MR_SIMPLE_RNN ? cell->row : cell->path->lanes;
  for (int u = 0; u < cell->row; u += lanes)
    for (int g = 0; g < gates; g++, sums += lanes) memcpy(rows + (size_t)g * cell->row + u, sums, lanes * sizeof(float));
}
// One stream's gate rows to its new state, all cells but the GRU without reset_after.
static void finish(const mr_cell *cell, mr_activation activation, mr_activation recurrent, float *gates, const float *h_in, float *h_out, float *c) {
  const int row = cell->row;
  float *second = gates + row, *third = second + row, *fourth = third + row;
  if (cell->kind == MR_SIMPLE_RNN) {
    apply(cell, activation, MR_TANH, gates);
    memcpy(h_out, gates, row * sizeof(float));
    return;
  }
  apply(cell, recurrent, MR_SIGMOID, gates);
  apply(cell, recurrent, MR_SIGMOID, second);
  if (cell->kind == MR_LSTM) {
    apply(cell, activation, MR_TANH, third);
    apply(cell, recurrent, MR_SIGMOID, fourth);
    cell->path->lstm_cell(row, gates, second, third, c);
    memcpy(third, c, row * sizeof(float));
    apply(cell, activation, MR_TANH, third);
    cell->path->multiply(row, fourth, third, h_out);
  } else {
    cell->path->fuse(row, second, fourth, third);
    apply(cell, activation, MR_TANH, third);
    cell->path->blend(row, gates, h_in, third, h_out);
  }
}
static void block(const mr_cell *cell, mr_activation activation, mr_activation recurrent, mr_job job, int n, const float *const *x,
                  const float *const *h_in, float *const *h_out, float *const *c, float *scratch) {
  const size_t row = cell->row;
  float *sums[MR_BLOCK], *gates[MR_BLOCK], *reset[MR_BLOCK], *rest = scratch + MR_BLOCK * MR_GENERAL_ROWS * row;
  for (int s = 0; s < n; s++) {
    sums[s] = scratch + s * MR_GENERAL_ROWS * row;
    gates[s] = sums[s] + 4 * row, reset[s] = gates[s] + 4 * row;
  }
  mr_gate_pass(cell, job, n, &(mr_rows){.x = x, .h_in = h_in, .out = sums, .keep_sums = true}, rest);
  for (int s = 0; s < n; s++) {
    separate(cell, mr_chains(cell->gates.shape), sums[s], gates[s]);
    if (cell->kind != MR_GRU_BEFORE) {
      finish(cell, activation, recurrent, gates[s], h_in[s], h_out[s], c ? c[s] : NULL);
      continue;
    }
    apply(cell, recurrent, MR_SIGMOID, gates[s]);
    apply(cell, recurrent, MR_SIGMOID, gates[s] + row);
    cell->path->multiply(cell->row, gates[s] + row, h_in[s], reset[s]);
  }
  if (cell->kind != MR_GRU_BEFORE) return;
  const float *stored[MR_BLOCK];
  for (int s = 0; s < n; s++) stored[s] = gates[s] + 2 * row;
  mr_candidate_pass(cell, n, &(mr_rows){.x = stored, .h_in = MR_CONST(reset), .out = sums, .keep_sums = true}, rest);
  for (int s = 0; s < n; s++) {
    apply(cell, activation, MR_TANH, sums[s]);
    cell->path->blend(cell->row, gates[s], h_in[s], sums[s], h_out[s]);
  }
}
void mr_step_with(const mr_cell *cell, mr_activation activation, mr_activation recurrent_activation, bool projected, int n,
                  const float *const *x, const float *const *h_in, float *const *h_out, float *const *c, void *scratch) {
  for (int s = 0; s < n; s += MR_BLOCK)
    block(cell, activation, recurrent_activation, projected ? MR_JOB_REST : MR_JOB_STEP, n - s < MR_BLOCK ? n - s : MR_BLOCK,
          x + s, h_in + s, h_out + s, c ? c + s : NULL, scratch);
}
