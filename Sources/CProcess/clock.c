// clock.c: what the kernel knows about the clock.
#include "CProcess.h"
#include <sys/timex.h>

int cprocess_clock_is_synchronised(void) {
  struct timex state = {0};
  if (adjtimex(&state) < 0) return -1;
  return state.status & STA_UNSYNC ? 0 : 1;
}
