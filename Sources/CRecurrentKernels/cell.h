// cell.h: a packed cell, shared by cell.c, general.c and table.c.
#ifndef MR_CELL_H
#define MR_CELL_H
#include "internal.h"

struct mr_cell {
  const mr_path *path;
  mr_kind kind;
  mr_format format;
  int inputs, units, row;
  const mr_bf16_dot *dot; // bf16 only: NULL where there is no such instruction
  mr_panels gates;
  mr_panels candidate; // GRU without reset_after only
};
#define MR_CONST(rows) ((const float *const *)(rows))

// Passes over the gates and over the candidate; at most MR_BLOCK streams when the format is not f32.
void mr_gate_pass(const mr_cell *cell, mr_job job, int n, mr_rows *r, float *scratch);
void mr_candidate_pass(const mr_cell *cell, int n, mr_rows *r, float *scratch);

// Scratch memory, in floats: projected rows of mr_steps; what a block of streams needs; its activations in 8 or 16 bits.
MR_INLINE size_t mr_steps_floats(const mr_cell *cell) { return (size_t)MR_BLOCK * mr_cell_projected_row(cell); }
enum { MR_GENERAL_ROWS = 9 }; // mr_step_with: four sums, four gates, one product, of every stream
MR_INLINE size_t mr_quantised_bytes(int width) { return ((size_t)width * 2 + 63) / 64 * 64; }
MR_INLINE size_t mr_block_floats(const mr_cell *cell) {
  return MR_BLOCK * ((size_t)MR_GENERAL_ROWS * cell->row + (mr_quantised_bytes(cell->inputs) + mr_quantised_bytes(cell->row)) / sizeof(float));
}
#endif
