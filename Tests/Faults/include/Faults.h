// Faults.h: what the daemon does not know of. This library is loaded in front of libc (LD_PRELOAD) under the real binary, and
// stands between it and the disk (disk.c) and the clock (clock.c). The environment says what it does; without, it does nothing.
//
// FAULT_DISK_FOLDER   files below it, but for the journal, are on a disk that forgets.
// FAULT_DISK_JOURNAL  where every write and sync of those files is noted, in order: see disk.c.
// FAULT_DISK_SWITCH   a file whose first byte says what fails now: see disk.c.
// FAULT_CLOCK         seconds that the wall clock jumps at most, back or forth: see clock.c.
#ifndef FAULTS_H
#define FAULTS_H
#endif
