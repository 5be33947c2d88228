// internal.h: what the files of this target share. Nothing here is part of the API.
#ifndef MR_INTERNAL_H
#define MR_INTERNAL_H
#include "CRecurrentKernels.h"

#define MR_INLINE static inline __attribute__((always_inline))
#define MR_OWN static __attribute__((noinline)) // one copy, called
#define MR_UNROLL _Pragma("GCC unroll 16")

#define N_MOST 4 // vectors whose gates are computed in step
enum { MR_ROW = 16 };   // rows of h and c are multiples of this many floats, on every path
// Streams, or steps of one stream, that one pass serves where rows of scratch memory are needed: a multiple of every
// path's register block, and few enough that those rows stay in cache. Formats that round activations first have a block of their path's.
enum { MR_BLOCK = 24, MR_BLOCK_MOST = 128 };

// How the vectors of a panel are used. A panel is one vector of units with all their gates or, where a unit has one chain
// only, four vectors of units: about four chains for every stream either way.
typedef enum {
  MR_SHAPE_LSTM,       // gates i f c o
  MR_SHAPE_GRU_AFTER,  // z r and the candidate's two chains
  MR_SHAPE_GRU_BEFORE, // z r and the x part of the candidate
  MR_SHAPE_LINE,       // no gates: SimpleRNN, Dense, Conv1D, the candidate of a GRU without reset_after
} mr_shape;

// What a pass over the panels does. Shapes are compile-time constants inside the kernels; jobs are not, which would make them
// three times as long.
typedef enum {
  MR_JOB_STEP,    // x part, h part, gates
  MR_JOB_PROJECT, // x part; the sums are stored
  MR_JOB_REST,    // starts from stored sums: h part, gates
} mr_job;

// Packed weights of one shape; pack.c describes the layout.
typedef struct {
  mr_shape shape;
  mr_format format;
  int inputs, recurrent; // rows of W and of U; either may be 0
  int row;               // units, rounded up to MR_ROW
  int xwords, hwords;    // rows of W and of U in groups of as many as the format packs together
  size_t panel;          // weights from one panel to the next
  bool far;              // more weights than caches near a core hold: they come from the shared one, or from memory
  void *w;               // panel by panel: W, then U
  float *b;              // panel by panel: what each chain starts from
  float *wscale, *uscale;   // int8: the step of each column, in the order of b
  int32_t *wshift, *ushift; // int8: what integer sums start from: minus bias times the sum of the column
} mr_panels;

// Row pointers of one call. Which are read depends on shape, job and format.
typedef struct {
  const float *const *x; // inputs, or stored sums
  const float *const *h_in;
  float *const *out;     // h, or sums
  float *const *c;       // LSTM: in place
  bool keep_sums;        // store the sums instead of going through the gates
  // GRU without reset_after. First pass: z goes to `update`, r * h to `reset`, the candidate's x part to `out`.
  // Second pass (z not NULL): h' from `z` and `old`.
  const float *const *old;
  const float *const *z;
  float *const *update, *const *reset;
  // int8: the rounded activations of a stream and the step of each. bf16: the rounded activations, or the same rows as x and h_in.
  // Rounded rows are equally far from each other, and begin at multiples of 64 bytes.
  const void *const *xq, *const *hq;
  const float *xstep, *hstep;
} mr_rows;

// One instruction set: all that differs between them. See the path_*.c files.
typedef struct {
  const char *name;
  int lanes;
  bool (*available)(void);
  void (*f32)(const mr_panels *, mr_job, int n, const mr_rows *);
  int int8_group; // rows of weights that one integer dot takes
  int int8_bias;  // what is added to activations that its dot takes as unsigned, else 0
  void (*quantise)(int count, const float *v, void *q, float *step);
  void (*int8)(const mr_panels *, mr_job, int n, const mr_rows *);
  void (*round)(int count, const float *v, uint16_t *q); // activations in bf16, for a dot instruction; NULL: they stay in f32
  void (*bf16)(const mr_panels *, mr_job, int n, const mr_rows *);
  int block; // streams of a pass in formats that round activations
  int words; // rows of bf16 and int8 are packed in multiples of as many words, zeros behind the last
  void (*taps)(const mr_panels *, int taps, int n, const float *const *rows, float *const *out);
  void (*unit)(mr_unit_function, int count, float *row);
  void (*softmax)(int count, float *row);
  void (*layer_norm)(int count, const float *gamma, const float *beta, float epsilon, const float *in, float *out);
  // Element by element on rows whose length is a multiple of MR_ROW, for mr_step_with.
  void (*lstm_cell)(int count, const float *i, const float *f, const float *g, float *c); // c = fma(f, c, i * g)
  void (*blend)(int count, const float *z, const float *h, const float *candidate, float *out); // fma(z, h - hh, hh)
  void (*multiply)(int count, const float *a, const float *b, float *out); // out = a * b
  void (*fuse)(int count, const float *a, const float *b, float *c);       // c = fma(a, b, c)
} mr_path;
extern const mr_path mr_path_portable;
#if defined(__x86_64__)
extern const mr_path mr_path_avx2, mr_path_avx512, mr_path_avx512_bf16, mr_path_amx;
#elif defined(__aarch64__)
extern const mr_path mr_path_neon;
#endif
const mr_path *mr_current_path(void);

// Zeros on a 64-byte boundary (2 MiB pages are asked for when it is large), to be freed by free(); NULL when there are none.
void *mr_zeros(size_t bytes);
MR_INLINE int mr_round_up(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }

// Chains of a stream and a unit; gates that the x part feeds; gates that the h part feeds.
MR_INLINE int mr_chains(mr_shape shape) { return shape == MR_SHAPE_LINE ? 1 : shape == MR_SHAPE_GRU_BEFORE ? 3 : 4; }
MR_INLINE int mr_xgates(mr_shape shape) { return shape == MR_SHAPE_LINE ? 1 : shape == MR_SHAPE_LSTM ? 4 : 3; }
MR_INLINE int mr_hgates(mr_shape shape) {
  return shape == MR_SHAPE_LINE ? 1 : shape == MR_SHAPE_LSTM ? 4 : shape == MR_SHAPE_GRU_AFTER ? 3 : 2;
}

// Where the weights and biases of one shape are found in Keras' layout: gate g of row k and unit u is
// w[k * wstride + wgate[g] + u]. In f32 w and u may be NULL: their rows are packed later, by mr_pack_rows.
typedef struct {
  const float *w, *u;
  int wstride, ustride, wgate[4], ugate[4];
  const float *bias;    // NULL: zeros. The chain g of unit u starts from bias[bgate[g] + u],
  int bgate[4], add[4]; // plus bias[add[g] + u] when add[g] is not -1
} mr_source;
bool mr_pack(mr_panels *q, const mr_path *path, mr_shape shape, mr_format format, int inputs, int recurrent, int units, const mr_source *source);
// `count` rows of W or U from row `first` on, in f32; `rows` holds just these.
void mr_pack_rows(mr_panels *q, const mr_path *path, int units, bool recurrent, int first, int count, const float *rows, int stride, const int *gate);
void mr_unpack_free(mr_panels *q);
#endif
