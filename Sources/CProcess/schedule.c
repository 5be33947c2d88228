#define _GNU_SOURCE
#include <sched.h>
#include <sys/resource.h>

#include "CProcess.h"

int cprocess_step_back(int nice_value) {
  struct sched_param parameters = {0};
  // On Linux 0 is the calling thread for both, whatever POSIX says of processes.
  int is_batch = sched_setscheduler(0, SCHED_BATCH, &parameters);
  int is_nice = setpriority(PRIO_PROCESS, 0, nice_value);
  return is_batch == 0 && is_nice == 0 ? 0 : -1;
}
