#pragma once

#include <stdint.h>

// A disk for SQLite that fills up, fails, tears a write and forgets what was not synced, when told to.
//
// It stands between SQLite and its own file system layer (https://www.sqlite.org/vfs.html), so that all of
// SQLite's code, its recovery too, is the real one. A disk is that of one database and is named by its path;
// the write-ahead log beside it belongs to it.

/// Makes it the layer that all databases are opened through from now on.
void faulty_disk_install(void);

/// Seeds what SQLite takes for chance.
void faulty_disk_seed(uint64_t seed);

/// Whether writes find no room.
void faulty_disk_set_full(const char *path, int is_full);

/// Whether fsync fails.
void faulty_disk_set_broken(const char *path, int is_broken);

/// Has the process die behind so many more writes, in the middle of the next one: only its first `torn` bytes
/// are written.
void faulty_disk_die_after(const char *path, int writes, int torn);

/// Whether the process has died: since `die_after` or `kill`, nothing reaches the disk.
int faulty_disk_is_dead(const char *path);

void faulty_disk_kill(const char *path);

/// Behind a process that died, when all that it had open is closed: what it wrote is there, as in the system's
/// memory.
void faulty_disk_revive(const char *path);

/// As `revive`, but the power was cut: of what was not synced, sectors are there as chance wants it.
void faulty_disk_cut_power(const char *path, uint64_t seed);

/// Forgets the disk; its files stay.
void faulty_disk_forget(const char *path);
