// clock.c: a wall clock that jumps. Every 20 ms it stands somewhere else, up to FAULT_CLOCK seconds before or behind the true
// time; the monotonic clock goes on as ever. The jumps are drawn from the monotonic time, so all processes see the same.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t jump(void) {
  static int64_t most = -1;
  if (most < 0) {
    const char *text = getenv("FAULT_CLOCK");
    most = text ? atoll(text) : 0;
  }
  if (most <= 0) return 0;
  struct timespec now;
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  uint64_t x = (uint64_t)now.tv_sec * 50 + (uint64_t)now.tv_nsec / 20000000;
  x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9u;
  return (int64_t)((x >> 20) % (uint64_t)(2 * most + 1)) - most;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  int status = (int)syscall(SYS_clock_gettime, clock, time);
  if (!status && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += jump();
  return status;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  *time = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

time_t time(time_t *result) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (result) *result = now.tv_sec;
  return now.tv_sec;
}
