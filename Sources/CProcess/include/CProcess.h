// CProcess.h: a child process and its limits, clock and schedule; the C library's own calls, which Swift does not see or would have to wrap.
#ifndef C_PROCESS_H
#define C_PROCESS_H
#include <stdint.h>

// A file in memory without a name, closed at exec; -1 with errno when there is none.
int cprocess_memory_file(const char *name);

// A pipe, both ends closed at exec; 0, or -1 with errno.
int cprocess_pipe(int ends[2]);

// Starts a program with `output` as its descriptor 3, `messages` as its standard error, nothing else open, and no signal
// blocked or ignored. Its process id, or -1 with errno.
int cprocess_start(char *const arguments[], int output, int messages);

// Waits for a child's end. The signal that ended it, as a negative number, or what it exited with.
int cprocess_wait(int child);

// Bounds this process: address space and the size of a file in bytes, processor time in seconds. No core is written, no
// program gains rights, and it ends with its parent. 0, or -1 with errno.
int cprocess_confine(uint64_t memory, uint64_t file, uint64_t seconds);

// Whether the kernel keeps the clock by a time server (adjtimex(2)): 1, 0, or -1 where it does not tell.
int cprocess_clock_is_synchronised(void);

// Has the calling thread, and threads that it starts from now on, preempt no other (SCHED_BATCH) and run at a nice value:
// 0, or -1 where the system does not allow both.
int cprocess_step_back(int nice_value);

// Writes what stdio has buffered for standard output: 0, or -1 with errno where that or anything before it was not written.
int cprocess_flush_output(void);
#endif
