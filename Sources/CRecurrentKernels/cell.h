// cell.h: a packed cell, shared by cell.c, general.c and table.c.
#ifndef MR_CELL_H
#define MR_CELL_H
#include "internal.h"

struct mr_cell {
  const mr_path *path;
  mr_kind kind;
  mr_format format;
  int inputs, units, row;
  mr_panels gates;
  mr_panels candidate; // GRU without reset_after only
};
#define MR_CONST(rows) ((const float *const *)(rows))

// Streams of one pass.
MR_INLINE int mr_block(const mr_cell *cell) { return cell->format == MR_F32 ? MR_BLOCK : cell->path->block; }
// Passes over the gates and over the candidate; at most mr_block streams when the format is not f32.
void mr_gate_pass(const mr_cell *cell, mr_job job, int n, mr_rows *r, float *scratch);
void mr_candidate_pass(const mr_cell *cell, int n, mr_rows *r, float *scratch);

// Scratch memory, in floats: projected rows of mr_steps; what a block of streams needs; its activations in 8 or 16 bits.
MR_INLINE size_t mr_steps_floats(const mr_cell *cell) { return (size_t)MR_BLOCK * mr_cell_projected_row(cell); }
enum { MR_GENERAL_ROWS = 9 }; // mr_step_with: four sums, four gates, one product, of every stream
MR_INLINE size_t mr_quantised_bytes(int width) { return ((size_t)width * 2 + 63) / 64 * 64; }
enum { MR_BEFORE_ROWS = 3 };  // a GRU without reset_after: z, r * h, sums
MR_INLINE size_t mr_block_floats(const mr_cell *cell) {
  const size_t general = (size_t)MR_BLOCK * MR_GENERAL_ROWS, before = (size_t)mr_block(cell) * MR_BEFORE_ROWS;
  return (general > before ? general : before) * cell->row
      + mr_block(cell) * (mr_quantised_bytes(cell->inputs) + mr_quantised_bytes(cell->row)) / sizeof(float);
}
#endif
