// selftest.c: compares every path and every way of stepping with the reference, bit for bit; `selftest [largest units]`.
#include "reference.h"

enum { N = 64, T = 10, TOKENS = 40 };
static const char *const path_names[] = {"portable", "neon", "avx2", "avx512", "avx512_bf16", "amx"}; // those with a bf16 of their own last
enum { PATHS = sizeof path_names / sizeof *path_names };
static long checks, failures;

// N streams of one cell; every h of every step and the last c are compared.
typedef struct {
  weights w;
  mr_format format;
  const char *path;
  int row;
  bool one_hot;
  const char *own; // the path whose bf16 the reference is; NULL: everybody's
  float *h0, *c0, **x; // x: one input a token
  int token[N][T];
  float *h, *c;        // the reference: h[stream][T + 1][row]
} job;
typedef struct { float *h, *c; int t[N]; } run;

static float *at(const job *j, const run *r, int s, int t) { return r->h + ((size_t)s * (T + 1) + t) * j->row; }
static run begin(const job *j) {
  run r = {.h = zeros((size_t)N * (T + 1) * j->row * 4), .c = zeros((size_t)N * j->row * 4)};
  memset(r.h, 0x55, (size_t)N * (T + 1) * j->row * 4); // what is not written shows
  memcpy(r.c, j->c0, (size_t)N * j->row * 4);
  for (int s = 0; s < N; s++) memcpy(at(j, &r, s, 0), j->h0 + (size_t)s * j->row, j->row * 4);
  return r;
}
static void compare(job *j, run r, const char *way, int number) {
  const size_t nh = (size_t)N * (T + 1) * j->row, nc = (size_t)N * j->row;
  const bool has_own = !strcmp(j->path, "avx512_bf16") || !strcmp(j->path, "amx");
  if (j->format == MR_BF16 && has_own && j->own != j->path) { // may differ from other paths, not from itself
    free(j->h), free(j->c);
    j->h = r.h, j->c = r.c, j->own = j->path;
    return;
  }
  checks++;
  size_t first = 0;
  while (first < nh && !memcmp(r.h + first, j->h + first, 4)) first++;
  if (first < nh || (j->w.kind == MR_LSTM && memcmp(r.c, j->c, nc * 4))) {
    failures++;
    printf("DIFFERS: %s %s %s, inputs %d, units %d, %s %d: stream %zu step %zu unit %zu\n", j->path, format_names[j->format], kind_names[j->w.kind],
           j->w.I, j->w.H, way, number, first / j->row / (T + 1), first / j->row % (T + 1), first % j->row);
  }
  free(r.h), free(r.c);
}
typedef enum { DENSE, TABLE, GENERAL, GENERAL_TABLE } how;
static void call_tanh(const void *context, float *row, int count) { (void)context, mr_apply(MR_TANH, count, 1, &row); }
static void call_sigmoid(const void *context, float *row, int count) { (void)context, mr_apply(MR_SIGMOID, count, 1, &row); }

// size > 0: streams in batches of `size`. 0: random batches of random streams, each at its own step.
static void batches(job *j, const mr_cell *cell, how way, const float *const *rows, int size, const char *name) {
  run r = begin(j);
  void *scratch = zeros(mr_cell_scratch(cell));
  int who[N], open = N, from = 0;
  for (int i = 0; i < N; i++) who[i] = i;
  while (open) {
    const float *x[N], *hi[N];
    float *ho[N], *c[N];
    int n = size == 0 ? 1 + (int)(bits() % open) : N - from < size ? N - from : size;
    for (int i = 0; i < n; i++) {
      int k = size == 0 ? i + (int)(bits() % (open - i)) : i, s = size == 0 ? who[k] : from + i;
      if (size == 0) who[k] = who[i], who[i] = s;
      int t = r.t[s]++;
      x[i] = rows[j->token[s][t]], hi[i] = at(j, &r, s, t), ho[i] = at(j, &r, s, t + 1), c[i] = r.c + (size_t)s * j->row;
    }
    float *const *cells = j->w.kind == MR_LSTM ? c : NULL;
    const bool called = bits() % 2;
    mr_activation a = {called ? call_tanh : NULL, NULL}, b = {called ? call_sigmoid : NULL, NULL};
    if (way == DENSE) mr_step(cell, n, x, hi, ho, cells, scratch);
    else if (way == TABLE) mr_step_projected(cell, n, x, hi, ho, cells, scratch);
    else mr_step_with(cell, a, b, way == GENERAL_TABLE, n, x, hi, ho, cells, scratch);
    if (size) from = (from + n) % N, open = r.t[N - 1] < T ? N : 0;
    else for (int i = 0; i < open; i++) if (r.t[who[i]] == T) who[i--] = who[--open];
  }
  compare(j, r, name, size);
  free(scratch);
}
static void many_steps(job *j, const mr_cell *cell, int most) { // most 0: random lengths
  run r = begin(j);
  void *scratch = zeros(mr_cell_scratch(cell));
  for (int s = 0; s < N; s++)
    for (int t = 0, n; t < T; t += n) {
      const float *x[T];
      float *out[T];
      n = most ? most : 1 + (int)(bits() % 5), n = n > T - t ? T - t : n;
      for (int i = 0; i < n; i++) x[i] = j->x[j->token[s][t + i]], out[i] = at(j, &r, s, t + 1 + i);
      mr_steps(cell, n, x, at(j, &r, s, t), out, j->w.kind == MR_LSTM ? r.c + (size_t)s * j->row : NULL, scratch);
    }
  compare(j, r, "many steps, at most", most);
  free(scratch);
}
static void all_ways(job *j) {
  static const int sizes[] = {1, 2, 3, 7, 8, 31, 64};
  mr_cell *cell = pack(&j->w, j->format);
  for (int i = 0; i < 7; i++) batches(j, cell, DENSE, CONST(j->x), sizes[i], "batches of");
  batches(j, cell, DENSE, CONST(j->x), 0, "random mixes");
  const int tokens = j->one_hot ? j->w.I : TOKENS;
  float *slab = zeros((size_t)tokens * j->w.I * 4);
  for (int t = 0; t < tokens; t++) memcpy(slab + (size_t)t * j->w.I, j->x[t], j->w.I * 4);
  mr_table *table = mr_table_create(cell, tokens, j->one_hot ? NULL : slab);
  if (!table) abort();
  const float *rows[TOKENS];
  for (int t = 0; t < tokens; t++) rows[t] = mr_table_row(table, t);
  batches(j, cell, TABLE, rows, 0, "table, random mixes");
  batches(j, cell, TABLE, rows, 1, "table, batches of");
  batches(j, cell, GENERAL, CONST(j->x), 0, "general, random mixes");
  batches(j, cell, GENERAL_TABLE, rows, 0, "general, table, random mixes");
  float **made = rows_of(zeros((size_t)tokens * mr_cell_projected_row(cell) * 4), tokens, mr_cell_projected_row(cell));
  void *scratch = zeros(mr_cell_scratch(cell));
  mr_project(cell, tokens, CONST(j->x), made, scratch); // all rows in one call
  batches(j, cell, TABLE, CONST(made), 0, "table in one call, random mixes");
  many_steps(j, cell, T), many_steps(j, cell, 0);
  free(scratch), free(made[0]), free(made), free(slab), mr_table_free(table), mr_cell_free(cell);
}
static void same_bits(mr_kind kind, mr_format format, int I, int H, bool one_hot) {
  random_state = 88172645463325252ull + kind * 1000003 + I * 1009 + H;
  job j = {.w = make_weights(kind, I, H, 2 / sqrtf((float)H)), .format = format, .row = mr_row(H), .one_hot = one_hot};
  j.x = rows_of(noise_floats((size_t)TOKENS * I + 1, 2) + 1, TOKENS, I); // inputs without alignment
  if (one_hot)
    for (int t = 0; t < I; t++)
      for (int k = 0; k < I; k++) j.x[t][k] = k == t;
  j.h0 = zeros((size_t)N * j.row * 4), j.c0 = zeros((size_t)N * j.row * 4);
  for (int s = 0; s < N; s++) {
    for (int u = 0; u < H; u++) j.h0[s * j.row + u] = noise(1), j.c0[s * j.row + u] = noise(2);
    for (int t = 0; t < T; t++) j.token[s][t] = bits() % (one_hot ? I : TOKENS);
  }
  run reference = begin(&j);
  for (int s = 0; s < N; s++)
    for (int t = 0; t < T; t++) {
      float *out = at(&j, &reference, s, t + 1);
      memset(out, 0, j.row * 4);
      reference_step(&j.w, format, j.x[j.token[s][t]], at(&j, &reference, s, t), out, reference.c + s * j.row);
    }
  j.h = reference.h, j.c = reference.c;
  for (int p = 0; p < PATHS; p++)
    if (mr_kernels_choose(path_names[p])) j.path = path_names[p], all_ways(&j);
  free(j.x[0] - 1), free(j.x), free(j.h0), free(j.c0), free(j.h), free(j.c), free_weights(j.w);
}
static void check(bool same, const char *what, int a, int b) {
  checks++;
  if (!same) failures++, printf("DIFFERS: %s %s (%d, %d)\n", mr_kernels_name(), what, a, b);
}
static void functions(void) { // every 1009th of all floats, infinities and NaN left out
  enum { M = 4099 }; // not a multiple of any vector
  static float in[M], out[M];
  float *row = out;
  for (uint64_t next = 0; next < 1ull << 32;) {
    int count = 0;
    for (; count < M && next < 1ull << 32; next += 1009) {
      uint32_t u = (uint32_t)next;
      memcpy(in + count, &u, 4);
      count += isfinite(in[count]) ? 1 : 0;
    }
    for (int f = MR_SIGMOID; f <= MR_EXPONENTIAL; f++) {
      memcpy(out, in, sizeof in);
      mr_apply((mr_unit_function)f, count, 1, &row);
      for (int i = 0; i < count; i++) {
        const float v = in[i], want = f == MR_SIGMOID ? reference_sigmoid(v) : f == MR_TANH ? reference_tanh(v) : f == MR_RELU ? (v < 0 ? 0 : v) : reference_exp(v);
        if (memcmp(&want, out + i, 4)) { check(false, "function", f, i); return; }
      }
    }
  }
  check(true, "functions", 0, 0);
}
static void layers(int taps, int I, int U, int n) {
  float *W = noise_floats((size_t)taps * I * U, 1), *b = noise_floats(U, 1), *gamma = noise_floats(U, 1), *beta = noise_floats(U, 1);
  float **x = rows_of(noise_floats((size_t)taps * n * I + 3, 2) + 3, taps * n, I), **y = rows_of(zeros((size_t)n * mr_row(U) * 4), n, mr_row(U));
  float *want = zeros((size_t)mr_row(U) * 4), *normal = zeros((size_t)mr_row(U) * 4), *most = zeros(64);
  mr_dense *dense = mr_dense_create(taps, I, U, W, b);
  if (!dense) abort();
  mr_dense_apply(dense, n, CONST(x), y);
  for (int s = 0; s < n; s++) {
    for (int u = 0; u < U; u++) {
      want[u] = b[u];
      for (int t = 0; t < taps; t++) want[u] = reference_chain(want[u], I, x[t * n + s], W + (size_t)t * I * U, U, u);
    }
    check(!memcmp(want, y[s], mr_row(U) * 4), taps > 1 ? "conv" : "dense", I, U);
    mr_layer_norm(U, gamma, beta, 1e-3f, 1, CONST(&want), &normal);
    float mean = reference_sum(U, want, false) / U, *d = zeros((size_t)U * 4);
    for (int u = 0; u < U; u++) d[u] = want[u] - mean;
    float deviation = sqrtf(reference_sum(U, d, true) / U + 1e-3f);
    for (int u = 0; u < U; u++) d[u] = fmaf(d[u] / deviation, gamma[u], beta[u]);
    check(!memcmp(d, normal, U * 4), "layer normalisation", U, s);
    *most = want[0];
    for (int u = 0; u < U; u++) *most = fmaxf(*most, want[u]);
    for (int u = 0; u < U; u++) d[u] = reference_exp(want[u] - *most);
    float sum = reference_sum(U, d, false);
    for (int u = 0; u < U; u++) d[u] /= sum;
    mr_softmax(U, 1, &want);
    check(!memcmp(d, want, U * 4), "softmax", U, s);
    memset(want, 0, mr_row(U) * 4), free(d);
  }
  mr_dense_free(dense);
  free(W), free(b), free(gamma), free(beta), free(x[0] - 3), free(x), free(y[0]), free(y), free(want), free(normal), free(most);
}
int main(int count, char **arguments) {
  static const int sizes[][2] = {{1, 1}, {3, 5}, {9, 16}, {1, 40}, {64, 64}, {17, 80}, {100, 100}, {31, 128}, {150, 70}, {200, 50}, {128, 128}, {40, 200}};
  const int most = count > 1 ? atoi(arguments[1]) : 128;
  const int formats = count > 2 ? 1 : 3;
  if (mr_denormals_flushed()) failures++, puts("denormals are flushed");
  for (int p = 0; p < PATHS; p++) {
    if (!mr_kernels_choose(path_names[p])) continue;
    printf("path %s\n", path_names[p]), functions();
    for (int n = 1; n < 15; n += 3)
      for (int U = 1; U < 140; U += 1 + U / 3) layers(1, 3 + U % 50, U, n), layers(1 + U % 4, 5, U, n);
  }
  for (int f = 0; f < formats; f++) // f32, bf16, int8
    for (int kind = 0; kind < 4; kind++)
      for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i][1] <= most) {
          same_bits((mr_kind)kind, (mr_format)f, sizes[i][0], sizes[i][1], false);
          if (sizes[i][0] <= TOKENS && sizes[i][0] > 1) same_bits((mr_kind)kind, (mr_format)f, sizes[i][0], sizes[i][1], true);
          fflush(stdout);
        }
  printf("%ld comparisons, %ld differ\n", checks, failures);
  return failures != 0;
}
