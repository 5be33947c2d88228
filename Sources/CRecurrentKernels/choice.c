// choice.c: which instruction set is used, and whether denormals are on.
#include "internal.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const mr_path *const paths[] = { // the fastest first
#if defined(__x86_64__)
  &mr_path_amx, &mr_path_avx512_bf16, &mr_path_avx512, &mr_path_avx2,
#elif defined(__aarch64__)
  &mr_path_neon,
#endif
  &mr_path_portable,
};
enum { COUNT = sizeof paths / sizeof *paths };
static const mr_path *_Atomic current; // NULL until the first use

static const mr_path *fastest(void) {
  for (int i = 0; i < COUNT; i++)
    if (paths[i]->available()) return paths[i];
  return &mr_path_portable;
}
static const mr_path *named(const char *name) {
  for (int i = 0; i < COUNT; i++)
    if (!strcmp(paths[i]->name, name) && paths[i]->available()) return paths[i];
  return NULL;
}
const mr_path *mr_current_path(void) {
  const mr_path *path = atomic_load(&current);
  if (path) return path;
  const char *wish = getenv("MILLRACE_KERNELS");
  if (wish) path = named(wish);
  if (!path) path = fastest();
  atomic_store(&current, path); // two threads may come here at once: both find the same
  return path;
}
bool mr_kernels_choose(const char *name) {
  const mr_path *path = name && *name ? named(name) : fastest();
  if (path) atomic_store(&current, path);
  return path != NULL;
}
bool mr_kernels_available(const char *name) { return named(name) != NULL; }
const char *mr_kernels_name(void) { return mr_current_path()->name; }

bool mr_denormals_flushed(void) {
#if defined(__x86_64__)
  return __builtin_ia32_stmxcsr() & 0x8040; // flush to zero, denormals are zero
#elif defined(__aarch64__)
  uint64_t fpcr;
  __asm__("mrs %0, fpcr" : "=r"(fpcr));
  return fpcr >> 24 & 1; // FZ
#else
  volatile float least = 1.17549435e-38f; // the least normal number: its half is a denormal
  return least / 2 == 0;
#endif
}
