// loops.c: the bare kernels, stepped again and again.
#include "CStepLoops.h"
#include "../../kernels/streams.h"

enum { LAYERS_MOST = 8, OWNED_MOST = 64, SEED = 88172645 };
struct step_loop {
  loop_job job;
  mr_cell *cells[LAYERS_MOST];
  mr_table *table;
  int rows, phase; // rows of h: one a stream, or one a step
  float **x, **h[LAYERS_MOST][2], **c[LAYERS_MOST];
  void *scratch;
  uint64_t draws;
  void *owned[OWNED_MOST];
  int owned_count;
};

double loop_seconds(void) { return now(); }
uint32_t loop_draw(uint64_t *state) {
  *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
  return (uint32_t)(*state >> 16);
}
static void start_at(uint64_t seed) {
  random_state = seed * 0x9e3779b97f4a7c15ull + SEED;
  for (int i = 0; i < 8; i++) bits();
}
static weights weights_of(int kind, int layer, int units) {
  start_at((uint64_t)kind * 1009 + (uint64_t)layer * 101 + (uint64_t)units * 10007);
  return make_weights((mr_kind)kind, units, units, 1 / sqrtf((float)units));
}
size_t loop_weights(int32_t kind, int32_t layer, int32_t units, float *to) {
  const size_t G = kind == MR_LSTM ? 4 : kind == MR_SIMPLE_RNN ? 1 : 3;
  const size_t matrix = (size_t)units * G * units, bias = (kind == MR_GRU ? 2 : 1) * G * units;
  if (to) {
    weights w = weights_of(kind, layer, units);
    memcpy(to, w.W, matrix * 4), memcpy(to + matrix, w.U, matrix * 4), memcpy(to + 2 * matrix, w.b, bias * 4);
    free_weights(w);
  }
  return 2 * matrix + bias;
}
void loop_inputs(int32_t units, int32_t count, float *to) {
  start_at(units);
  for (size_t i = 0; i < (size_t)units * count; i++) to[i] = noise(1);
}
void loop_embeddings(int32_t units, int32_t tokens, float *to) {
  start_at((uint64_t)units + 7);
  for (size_t i = 0; i < (size_t)units * tokens; i++) to[i] = noise(1);
}

static void *own(step_loop *l, void *p) { return l->owned[l->owned_count++] = p; }
// Rows apart from each other and not in order, as the states of a daemon's streams are.
static float **scattered(step_loop *l, int n, int width) {
  const size_t stride = (size_t)mr_row(width) + 16;
  float *slab = own(l, zeros(n * stride * 4)), **rows = own(l, zeros(n * sizeof *rows));
  for (int i = 0; i < n; i++) rows[i] = slab + (size_t)i * 7919 % n * stride;
  return rows;
}
step_loop *loop_make(const loop_job *job) {
  if (job->layers > LAYERS_MOST) return NULL;
  step_loop *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  l->job = *job, l->draws = SEED;
  const int H = job->units, rows = l->rows = job->steps > 1 ? job->steps : job->streams;
  size_t scratch = 64;
  for (int i = 0; i < job->layers; i++) {
    weights w = weights_of(job->kind, i, H);
    l->cells[i] = pack(&w, (mr_format)job->format);
    free_weights(w);
    if (mr_cell_scratch(l->cells[i]) > scratch) scratch = mr_cell_scratch(l->cells[i]);
    l->h[i][0] = scattered(l, rows, H), l->h[i][1] = scattered(l, rows, H), l->c[i] = scattered(l, rows, H);
  }
  l->scratch = own(l, zeros(scratch));
  l->x = scattered(l, rows, H);
  float *values = zeros((size_t)rows * H * 4);
  loop_inputs(H, rows, values);
  for (int s = 0; s < rows; s++) memcpy(l->x[s], values + (size_t)s * H, (size_t)H * 4);
  free(values);
  if (job->tokens) {
    float *embeddings = zeros((size_t)job->tokens * H * 4);
    loop_embeddings(H, job->tokens, embeddings);
    l->table = mr_table_create(l->cells[0], job->tokens, embeddings);
    free(embeddings);
    if (!l->table) loop_free(l), l = NULL;
  }
  return l;
}
void loop_free(step_loop *l) {
  for (int i = 0; i < l->job.layers; i++) mr_cell_free(l->cells[i]);
  for (int i = 0; i < l->owned_count; i++) free(l->owned[i]);
  mr_table_free(l->table), free(l);
}
const float *loop_answer(const step_loop *l, int32_t stream) {
  return l->h[l->job.layers - 1][l->phase][l->job.steps > 1 ? l->rows - 1 : stream];
}
double loop_run(step_loop *l, int32_t times) {
  const loop_job j = l->job;
  const double start = now();
  for (int i = 0; i < times; i++) {
    const int from = l->phase, to = l->phase ^= 1;
    const float *const *x = CONST(l->x);
    if (j.tokens)
      for (int s = 0; s < l->rows; s++) l->x[s] = (float *)mr_table_row(l->table, loop_draw(&l->draws) % (uint32_t)j.tokens);
    for (int layer = 0; layer < j.layers; layer++) {
      float **in = l->h[layer][from], **out = l->h[layer][to], **c = j.kind == MR_LSTM ? l->c[layer] : NULL;
      if (j.steps > 1) mr_steps(l->cells[layer], j.steps, x, in[l->rows - 1], out, c ? c[0] : NULL, l->scratch);
      else if (j.tokens && layer == 0) mr_step_projected(l->cells[layer], j.streams, x, CONST(in), out, c, l->scratch);
      else mr_step(l->cells[layer], j.streams, x, CONST(in), out, c, l->scratch);
      x = CONST(out);
    }
  }
  return now() - start;
}
