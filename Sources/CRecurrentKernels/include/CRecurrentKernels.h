// CRecurrentKernels.h: one step of recurrent cells and of the layers around them, for many streams at once.
//
// Same bits. In f32 and int8 the answer of a stream depends on its own state and input alone: not on the number of
// streams in the call, their order, the alignment of rows, single steps or many, dense input or a token table, or the
// instruction set. Every sum is one chain of fused multiply-adds: bias, then W x in order of k, then U h in order of k.
// bf16 keeps all of that except the last: it differs between "amx", "avx512_bf16" and the others.
//
// Rows. A row of h, of c or of an output is found by its own pointer, and has room for its width rounded up to 16 floats
// (mr_row). The padding of a state row must be 0 and stays 0; that of an output is written. Inputs x are read for their
// width only. No pointer needs an alignment; 64 bytes is fastest.
// Aliasing. No row that is written may overlap any row that is read in the same call, except c, which is in place.
// Numbers. The caller refuses NaN and infinity; denormals must be on (see mr_denormals_flushed).
// Threads. What mr_*_create gives is immutable and may be shared; scratch memory belongs to one thread. Stepping does
// not allocate, lock or fail.
#ifndef C_RECURRENT_KERNELS_H
#define C_RECURRENT_KERNELS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- The instruction set ----------------------------------------------------------------------------------------------
// Chooses by name: "amx", "avx512_bf16", "avx512", "avx2", "neon", "portable". NULL or "" chooses the fastest one. Cells and layers keep the
// choice that was in force when they were created. False: unknown, or not available here; nothing is changed then.
// The first use chooses by the environment variable MILLRACE_KERNELS, or the fastest if that names none available.
bool mr_kernels_choose(const char *name);
// Whether this build and this processor have the named instruction set.
bool mr_kernels_available(const char *name);
// The name of the present choice.
const char *mr_kernels_name(void);
// Whether this thread flushes denormal results, or reads denormals as zero: bits are promised only when it does not.
bool mr_denormals_flushed(void);

// A width rounded up to the 16 floats that rows are multiples of.
int mr_row(int width);

// ---- Recurrent cells --------------------------------------------------------------------------------------------------
typedef enum {
  MR_LSTM,       // c' = fma(f, c, i * g), h' = o * tanh(c'). Gates i f c o.
  MR_GRU,        // reset_after. Gates z r h. hh = tanh(fma(r, b'_h + U_h h, b_h + W_h x)), h' = fma(z, h - hh, hh)
  MR_GRU_BEFORE, // reset_after=False. Gates z r h. hh = tanh(b_h + W_h x + U_h (r * h)), h' as above
  MR_SIMPLE_RNN, // h' = tanh(b + W x + U h)
} mr_kind;
typedef enum {
  MR_F32,
  MR_BF16, // weights in bf16; activations too where there is a dot instruction; sums in f32
  MR_INT8, // weights in 8 bits, one scale a column; x and h in 8 bits, one scale each, a stream and a step; sums exact
} mr_format;
typedef struct mr_cell mr_cell;

// Packs weights in Keras' layout, row-major: kernel[inputs][G * units], recurrent_kernel[units][G * units] with G = 4, 3,
// 3, 1; bias[G * units], for MR_GRU [2][3 * units] (input bias, recurrent bias), or NULL for zeros. Copies them.
// NULL when memory is short or a width is not positive.
mr_cell *mr_cell_create(mr_kind kind, mr_format format, int inputs, int units, const float *kernel, const float *recurrent_kernel,
                        const float *bias);
// In f32 kernel and recurrent_kernel may be NULL: every row of them must then be given once by mr_cell_pack_rows before
// the first step. Threads may do that at once, for rows of their own.
void mr_cell_pack_rows(mr_cell *cell, bool recurrent, int first, int count, const float *rows);
void mr_cell_free(mr_cell *cell);
// Whether none of the values is infinite or NaN.
bool mr_all_finite(const float *values, size_t count);
const char *mr_cell_kernels(const mr_cell *cell); // the instruction set it was packed for
// Bytes of scratch memory for calls with this cell, for any number of streams and steps. May be 0.
size_t mr_cell_scratch(const mr_cell *cell);
// Floats in a projected row: the sums of bias and W x. Their order is private to the instruction set: never save them.
int mr_cell_projected_row(const mr_cell *cell);

// One step of n streams: x[s] has `inputs` floats, h_in[s] and h_out[s] rows of `units`, c[s] the same and in place
// (LSTM; else NULL). scratch: mr_cell_scratch bytes of any content, 64-byte aligned.
void mr_step(const mr_cell *cell, int n, const float *const *x, const float *const *h_in, float *const *h_out, float *const *c,
             void *scratch);
// bias + W x for n inputs, the first half of each chain: a row of a token table.
void mr_project(const mr_cell *cell, int n, const float *const *x, float *const *rows, void *scratch);
// The other half: one step of n streams from projected rows.
void mr_step_projected(const mr_cell *cell, int n, const float *const *rows, const float *const *h_in, float *const *h_out,
                       float *const *c, void *scratch);
// `count` steps of one stream: x[t] is the input and h_out[t] the answer of step t; h_out[count - 1] is the new state.
// The input half is one product over all the steps.
void mr_steps(const mr_cell *cell, int count, const float *const *x, const float *h_in, float *const *h_out, float *c, void *scratch);

// Projected rows of every token, where an Embedding or a one-hot vector feeds the cell: vocabulary rows of
// `inputs` floats, or NULL for one-hot vectors (vocabulary = inputs). NULL when memory is short.
typedef struct mr_table mr_table;
mr_table *mr_table_create(const mr_cell *cell, int vocabulary, const float *embeddings);
void mr_table_free(mr_table *table);
size_t mr_table_bytes(const mr_table *table);
const float *mr_table_row(const mr_table *table, int token); // 0 <= token < vocabulary

// ---- Other activations than tanh and sigmoid ----------------------------------------------------------------------------
// An activation the caller brings: replaces `count` floats of one gate of one stream.
typedef struct {
  void (*apply)(const void *context, float *row, int count);
  const void *context;
} mr_activation;
// As mr_step and mr_step_projected, with `activation` in place of tanh and `recurrent_activation` in place of sigmoid.
// An `apply` of NULL stands for the usual function. `projected`: x holds projected rows.
void mr_step_with(const mr_cell *cell, mr_activation activation, mr_activation recurrent_activation, bool projected, int n,
                  const float *const *x, const float *const *h_in, float *const *h_out, float *const *c, void *scratch);

// ---- Layers without state -------------------------------------------------------------------------------------------------
typedef struct mr_dense mr_dense;
// Dense, and Conv1D with causal padding: kernel[taps * inputs][units] in Keras' layout, the oldest tap first; taps = 1 for Dense.
// bias[units], or NULL for zeros. NULL when memory is short or a width is not positive.
mr_dense *mr_dense_create(int taps, int inputs, int units, const float *kernel, const float *bias);
// The kernel may be NULL: every row of it must then be given once by mr_dense_pack_rows, as with a cell.
void mr_dense_pack_rows(mr_dense *dense, int first, int count, const float *rows);
void mr_dense_free(mr_dense *dense);
// The sums before any activation. x[tap * n + s] is what stream s was given at that tap (oldest first), out[s] a row of `units`.
void mr_dense_apply(const mr_dense *dense, int n, const float *const *x, float *const *out);

typedef enum { MR_LINEAR, MR_SIGMOID, MR_TANH, MR_RELU, MR_EXPONENTIAL, MR_HARD_SIGMOID, MR_HARD_SIGMOID_KERAS2 } mr_unit_function;
// In place on n rows of `width` floats. exp is exactly 0 below -87 and held above 88.37.
void mr_apply(mr_unit_function function, int width, int n, float *const *rows);
// In place: exp(x - maximum) / their sum.
void mr_softmax(int width, int n, float *const *rows);
// fma((x - mean) / sqrt(variance + epsilon), gamma, beta); gamma and beta have `width` floats.
void mr_layer_norm(int width, const float *gamma, const float *beta, float epsilon, int n, const float *const *x, float *const *out);
// fma(x, scale, offset) for each of `width` values: BatchNormalization. All rows, scale and offset have room for mr_row(width).
void mr_scale(int width, const float *scale, const float *offset, int n, const float *const *x, float *const *out);
#endif
