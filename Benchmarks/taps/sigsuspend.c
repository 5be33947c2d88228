/* valgrind 3.19 writes into the mask that sigsuspend is given; libdispatch's stands in memory that cannot be
   written. Preloaded below valgrind, this hands on a copy. */
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

int sigsuspend(const sigset_t *mask) {
  sigset_t own = *mask;
  return (int)syscall(SYS_rt_sigsuspend, &own, 8);
}
