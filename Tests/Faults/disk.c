// disk.c: a disk that can be full, fail, and forget what was not synced.
//
// It notes what was written and what was synced, so that a test which has killed the process can put the files back to what
// a power cut would have left: all that was synced, and of the rest whatever it likes. Real syncs are not made: the page
// cache outlives the process. Names are on the disk at once; memory that is mapped is not noted (SQLite's -shm alone, which
// it makes anew).
//
// The journal is a sequence of records: 5 little-endian uint64 (operation, file, offset, bytes, 0), then these
// bytes. A record of a write is there before the writer goes on, that of a sync as well: what is not noted was not promised.
//
//   1 open: the bytes are the name; `file` stands for it from now on   2 write   3 truncate to `offset`   4 sync   5 unlink
//
// The switch: 'F' nothing can be written (ENOSPC), 'M' a SQLite file cannot, but its log can (ENOSPC),
// 'W' writing fails (EIO), 'S' syncing fails (EIO), 'O' syncing fails once (EIO), anything else: all is well.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN = 1, WRITE, TRUNCATE, SYNC, UNLINK };
enum { FILES = 1024 };

static const char *folder;
static size_t folder_length;
static int journal = -1;
static volatile char *switched;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t files[FILES]; // of a descriptor; 0 where it is none of ours
static char is_database[FILES]; // of a descriptor: whether its file is a SQLite file, not the log of one
static int has_failed; // the one sync that was to

__attribute__((constructor)) static void begin(void) {
  folder = getenv("FAULT_DISK_FOLDER");
  const char *journal_path = getenv("FAULT_DISK_JOURNAL"), *switch_path = getenv("FAULT_DISK_SWITCH");
  if (folder) folder_length = strlen(folder);
  if (folder && journal_path)
    journal = (int)syscall(SYS_openat, AT_FDCWD, journal_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (folder && switch_path) {
    int descriptor = (int)syscall(SYS_openat, AT_FDCWD, switch_path, O_RDONLY | O_CLOEXEC, 0);
    void *page = descriptor < 0 ? MAP_FAILED : mmap(NULL, 1, PROT_READ, MAP_SHARED, descriptor, 0);
    if (page != MAP_FAILED) switched = page;
    if (descriptor >= 0) syscall(SYS_close, descriptor);
  }
}

static int is_switched(char fault) { return switched && *switched == fault; }

// What is noted is one writev: a kill cuts no record in two but the last.
static void note(uint64_t operation, uint64_t file, uint64_t offset, const void *bytes, size_t count) {
  if (journal < 0) return;
  uint64_t head[5] = {operation, file, offset, count, 0};
  struct iovec parts[2] = {{head, sizeof head}, {(void *)bytes, count}};
  if (syscall(SYS_writev, journal, parts, count ? 2 : 1) < 0) abort();
}

// The number of a file of ours, the same in every process: FNV-1a of its path. 0 for another file. Paths begin at the root.
static uint64_t number_of(const char *path) {
  if (!folder) return 0;
  if (strncmp(path, folder, folder_length) || path[folder_length] != '/') return 0;
  uint64_t number = 0xcbf29ce484222325u;
  for (const char *c = path; *c; c++) number = (number ^ (unsigned char)*c) * 0x100000001b3u;
  return number;
}

static uint64_t noted_number_of(const char *path) {
  uint64_t number = number_of(path);
  if (number) note(OPEN, number, 0, path, strlen(path));
  return number;
}

static uint64_t file_of(int descriptor) { return descriptor >= 0 && descriptor < FILES ? files[descriptor] : 0; }

static int opened(int descriptor, const char *path, int flags) {
  if (descriptor < 0 || descriptor >= FILES) return descriptor;
  pthread_mutex_lock(&mutex);
  files[descriptor] = (flags & O_ACCMODE) == O_RDONLY ? 0 : noted_number_of(path);
  size_t length = strlen(path), end = sizeof ".sqlite" - 1;
  is_database[descriptor] = length > end && !strcmp(path + length - end, ".sqlite");
  if (files[descriptor] && flags & O_TRUNC) note(TRUNCATE, files[descriptor], 0, NULL, 0);
  pthread_mutex_unlock(&mutex);
  return descriptor;
}

static int open_as(int at, const char *path, int flags, va_list rest) {
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
  return opened((int)syscall(SYS_openat, at, path, flags, mode), path, flags);
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  int descriptor = open_as(AT_FDCWD, path, flags, rest);
  va_end(rest);
  return descriptor;
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  int descriptor = open_as(AT_FDCWD, path, flags | O_LARGEFILE, rest);
  va_end(rest);
  return descriptor;
}

static int control(int descriptor, int command, void *argument) {
  int result = (int)syscall(SYS_fcntl, descriptor, command, argument);
  int copies = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
  if (copies && result >= 0 && result < FILES) {
    files[result] = file_of(descriptor);
    is_database[result] = descriptor < FILES && is_database[descriptor];
  }
  return result;
}

int fcntl(int descriptor, int command, ...) {
  va_list rest;
  va_start(rest, command);
  int result = control(descriptor, command, va_arg(rest, void *));
  va_end(rest);
  return result;
}

int fcntl64(int descriptor, int command, ...) {
  va_list rest;
  va_start(rest, command);
  int result = control(descriptor, command, va_arg(rest, void *));
  va_end(rest);
  return result;
}

int close(int descriptor) {
  if (descriptor >= 0 && descriptor < FILES) files[descriptor] = 0;
  return (int)syscall(SYS_close, descriptor);
}

// Writes, and notes what was written. `offset` is -1 for the descriptor's own place.
static ssize_t write_at(int descriptor, const void *bytes, size_t count, off64_t offset) {
  uint64_t file = file_of(descriptor);
  if (!file)
    return offset < 0 ? syscall(SYS_write, descriptor, bytes, count) : syscall(SYS_pwrite64, descriptor, bytes, count, offset);
  if (is_switched('F') || is_switched('W') || (is_switched('M') && is_database[descriptor])) {
    errno = is_switched('W') ? EIO : ENOSPC;
    return -1;
  }
  pthread_mutex_lock(&mutex);
  off64_t place = offset;
  if (place < 0) {
    int flags = (int)syscall(SYS_fcntl, descriptor, F_GETFL);
    place = lseek64(descriptor, 0, flags & O_APPEND ? SEEK_END : SEEK_CUR);
  }
  ssize_t written = offset < 0 ? syscall(SYS_write, descriptor, bytes, count)
                               : syscall(SYS_pwrite64, descriptor, bytes, count, offset);
  if (written > 0) note(WRITE, file, (uint64_t)place, bytes, (size_t)written);
  pthread_mutex_unlock(&mutex);
  return written;
}

ssize_t write(int descriptor, const void *bytes, size_t count) { return write_at(descriptor, bytes, count, -1); }
ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) { return write_at(descriptor, bytes, count, offset); }
ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) { return write_at(descriptor, bytes, count, offset); }

static int cut(int descriptor, off64_t length) {
  pthread_mutex_lock(&mutex);
  int status = (int)syscall(SYS_ftruncate, descriptor, length);
  if (!status && file_of(descriptor)) note(TRUNCATE, file_of(descriptor), (uint64_t)length, NULL, 0);
  pthread_mutex_unlock(&mutex);
  return status;
}

int ftruncate(int descriptor, off_t length) { return cut(descriptor, length); }
int ftruncate64(int descriptor, off64_t length) { return cut(descriptor, length); }

static int sync_file(int descriptor, long call) {
  uint64_t file = file_of(descriptor);
  if (!file) return (int)syscall(call, descriptor);
  pthread_mutex_lock(&mutex);
  int fails_once = is_switched('O') && !has_failed;
  if (fails_once) has_failed = 1;
  if (is_switched('S') || is_switched('W') || fails_once) {
    pthread_mutex_unlock(&mutex);
    errno = EIO;
    return -1;
  }
  note(SYNC, file, 0, NULL, 0);
  pthread_mutex_unlock(&mutex);
  return 0;
}

int fsync(int descriptor) { return sync_file(descriptor, SYS_fsync); }
int fdatasync(int descriptor) { return sync_file(descriptor, SYS_fdatasync); }

int unlink(const char *path) {
  pthread_mutex_lock(&mutex);
  uint64_t file = number_of(path);
  int status = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
  if (!status && file) note(UNLINK, noted_number_of(path), 0, NULL, 0);
  pthread_mutex_unlock(&mutex);
  return status;
}
