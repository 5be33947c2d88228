// CStepLoops.h: what the benchmarks time, and what they compare it with: the bare kernels, and the limits of one core.
// Weights, inputs and tokens are the same in every run and for every engine.
#ifndef C_STEP_LOOPS_H
#define C_STEP_LOOPS_H
#include <stddef.h>
#include <stdint.h>

// What is stepped: a stack of equal layers whose input is as wide as their units.
typedef struct {
  int32_t kind;    // mr_kind
  int32_t format;  // mr_format
  int32_t layers, units;
  int32_t streams;
  int32_t steps;   // of one stream in one call; more than one only with one stream
  int32_t tokens;  // vocabulary of a token table whose rows are drawn at random; 0: dense input
} loop_job;

typedef struct step_loop step_loop;
// All states are zero. NULL when memory is short.
step_loop *loop_make(const loop_job *job);
// Calls `times` times; the seconds of processor time they took.
double loop_run(step_loop *loop, int32_t times);
// The last layer's h of a stream: `units` floats.
const float *loop_answer(const step_loop *loop, int32_t stream);
void loop_free(step_loop *loop);

// Weights of a layer in Keras' layout: W, U and bias one after the other. Their count; `to` may be NULL to ask for it.
size_t loop_weights(int32_t kind, int32_t layer, int32_t units, float *to);
// `count` rows of `units` floats, and the embedding of `tokens` ids.
void loop_inputs(int32_t units, int32_t count, float *to);
void loop_embeddings(int32_t units, int32_t tokens, float *to);
// Draws of a run: ids in 0..<tokens.
uint32_t loop_draw(uint64_t *state);
double loop_seconds(void); // processor time of this thread

typedef enum {
  LIMIT_F32,  // nanoseconds an operation (a multiply-add counts as two) at full rate
  LIMIT_BF16,
  LIMIT_INT8,
  LIMIT_CHAIN, // nanoseconds of one multiply-add that waits for the one before
} loop_limit;
// NaN where this processor or the kernels' present choice has no such instruction.
double loop_limit_of(int32_t limit);
// Seconds to read a block of this size once, as weights are read by a lone stream. NaN as above.
double loop_read(size_t bytes);
const char *loop_kernels(void);
#endif
