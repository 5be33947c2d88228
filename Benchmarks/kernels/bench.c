// bench.c: times of one step beside the floor of this core and beside other engines, all taking turns; medians.
//   bench [kinds] [units,...] [streams,...]     kinds: letters of l g b s (LSTM, GRU, GRU without reset_after, SimpleRNN)
// ONEDNN=file names the library made from onednn.cpp; without it its columns are empty. ROUNDS=n, PATHS=avx512,avx2.
#include "limits.h"
#include <dlfcn.h>

enum { MOST = 8, ROUNDS = 15 };
typedef enum { STEP, TABLE, STEPS, ONEDNN, FMA, READ } what;
typedef struct {
  what way;
  const char *name;
  mr_cell *cell;
  int B, phase, repeats;
  float **x, **h[2], **c, *table;
  mr_table *rows;
  size_t width, bytes;
  void *scratch, *peer;
  double us[64];
} engine;
static double (*peer_run)(void *, int);
static void *(*peer_make)(int, int, int, int, int);
static bool wide; // the floor of 512-bit registers

static double run(engine *e, int times) {
  if (e->way == ONEDNN) {
    double t = now();
    peer_run(e->peer, times);
    return (now() - t) / times;
  }
  if (e->way == FMA) return wide ? 1 / peak512() : 1 / peak256(); // "microseconds" are picoseconds an operation
  if (e->way == READ) return wide ? read512(e->table, e->bytes, times) : read256(e->table, e->bytes, times);
  double t = now();
  for (int i = 0; i < times; i++) {
    const float *const *hi = CONST(e->h[e->phase]);
    float **ho = e->h[e->phase ^= 1];
    if (e->way == STEPS) { mr_steps(e->cell, e->B, CONST(e->x), hi[e->B - 1], ho, e->c[0], e->scratch); continue; }
    if (e->way == TABLE) { // 8192 rows, drawn at random at each step
      for (int s = 0; s < e->B; s++) e->x[s] = (float *)mr_table_row(e->rows, bits() % 8192);
      mr_step_projected(e->cell, e->B, CONST(e->x), hi, ho, e->c, e->scratch);
    } else mr_step(e->cell, e->B, CONST(e->x), hi, ho, e->c, e->scratch);
  }
  return (now() - t) / times;
}
static float **scattered(int n, size_t width) { // rows apart from each other and not in order
  float *slab = noise_floats(n * (width + 16), 0.5f), **rows = rows_of(slab, n, width + 16);
  for (int i = 0; i < n; i++) memset(rows[i] + width, 0, 16 * sizeof(float)), rows[i] = slab + ((size_t)i * 7919 + 3) % n * (width + 16);
  return rows;
}
static engine make(const char *name, what way, const char *path, mr_kind kind, mr_format format, int H, int B) {
  engine e = {.name = name, .way = way, .B = B};
  weights w = make_weights(kind, H, H, 1 / sqrtf((float)H));
  if (path && !mr_kernels_choose(path)) { free_weights(w); return e; }
  e.cell = pack(&w, format);
  free_weights(w);
  e.width = mr_cell_projected_row(e.cell), e.scratch = zeros(mr_cell_scratch(e.cell));
  e.x = scattered(B, H), e.h[0] = scattered(B, mr_row(H)), e.h[1] = scattered(B, mr_row(H)), e.c = scattered(B, mr_row(H));
  if (way == TABLE) {
    float *inputs = noise_floats((size_t)8192 * H, 1);
    e.rows = mr_table_create(e.cell, 8192, inputs);
    free(inputs);
    if (!e.rows) abort();
  }
  for (double t = now(); now() - t < 3e-3; e.repeats++) run(&e, 1);
  return e;
}
static int by_value(const void *a, const void *b) { double x = *(const double *)a, y = *(const double *)b; return (x > y) - (x < y); }
static void race(engine *e, int n) {
  const int rounds = getenv("ROUNDS") ? atoi(getenv("ROUNDS")) : ROUNDS;
  for (int r = 0; r < rounds; r++)
    for (int i = 0; i < n; i++) if (e[i].repeats) e[i].us[r] = run(&e[i], e[i].repeats) * 1e6;
  for (int i = 0; i < n; i++) qsort(e[i].us, rounds, sizeof(double), by_value), e[i].us[0] = e[i].us[rounds / 2];
}
static void cell(const char *path, mr_kind kind, int H, int B) {
  const int G = kind == MR_LSTM ? 4 : kind == MR_SIMPLE_RNN ? 1 : 3;
  const size_t bytes = (size_t)8 * G * H * H;
  wide = strcmp(path, "avx2") != 0;
  engine e[MOST] = {{.way = FMA, .repeats = 1}, {.way = READ, .repeats = (int)(4e8 * 0.3 / bytes) + 1, .bytes = bytes, .table = noise_floats(bytes / 4, 1)}};
  e[2] = make("f32", STEP, path, kind, MR_F32, H, B);
  e[3] = make("table", TABLE, path, kind, MR_F32, H, B);
  e[4] = make("int8", STEP, path, kind, MR_INT8, H, B);
  e[5] = make("bf16", STEP, path, kind, MR_BF16, H, B);
  for (int bf = 0; bf < 2; bf++) {
    engine *p = &e[6 + bf];
    p->way = ONEDNN;
    if (peer_make && kind != MR_GRU_BEFORE && (!bf || kind == MR_LSTM)) p->peer = peer_make(kind == MR_SIMPLE_RNN ? 2 : kind == MR_LSTM ? 0 : 1, H, H, B, bf);
    if (p->peer) for (double t = now(); now() - t < 3e-3; p->repeats++) run(p, 1);
  }
  race(e, MOST);
  const double own = *e[2].us, fma = 4.0 * G * H * H * B * *e[0].us * 1e-9, reading = *e[1].us, least = fma > reading ? fma : reading;
  printf("| %s | %s | %d | %d | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f |", path, kind_names[kind], H, B, least, own, least / own, own / *e[3].us, own / *e[4].us, own / *e[5].us);
  if (e[6].repeats) printf(" %.2f |", *e[6].us / own); else printf(" |");
  if (e[7].repeats) printf(" %.2f |\n", *e[7].us / *e[5].us); else printf(" |\n");
  fflush(stdout);
  for (int i = 0; i < MOST; i++) {
    if (e[i].cell) mr_cell_free(e[i].cell); // the rows are left to the exit
    mr_table_free(e[i].rows), free(e[i].table), free(e[i].scratch);
  }
}
static bool listed(const char *list, int number) {
  for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',') if (atoi(p) == number) return true;
  return false;
}
int main(int count, char **a) {
  const char *kinds = count > 1 ? a[1] : "lgbs", *units = count > 2 ? a[2] : "64,128,256,512", *streams = count > 3 ? a[3] : "1,8,32,128,512";
  const char *library = getenv("ONEDNN"), *paths = getenv("PATHS") ? getenv("PATHS") : "avx512";
  void *peer = library ? dlopen(library, RTLD_NOW) : NULL;
  if (peer) {
    *(void **)&peer_make = dlsym(peer, "dn_make");
    *(void **)&peer_run = dlsym(peer, "dn_run");
  }
  puts("| kernels | cell | units | streams | floor us | f32 us | floor/f32 | f32/table | f32/int8 | f32/bf16 | oneDNN/f32 | oneDNN bf16/bf16 |");
  puts("|--|--|--|--|--|--|--|--|--|--|--|--|");
  static const char *const each[] = {"avx512", "avx2"};
  for (int p = 0; p < 2; p++)
    for (int kind = 0; kind < 4; kind++)
      for (int H = 16; H <= 1024; H *= 2)
        for (int B = 1; B <= 512; B++)
          if (strstr(paths, each[p]) && mr_kernels_available(each[p]) && strchr(kinds, "lgbs"[kind]) && listed(units, H) && listed(streams, B)) cell(each[p], (mr_kind)kind, H, B);
}
