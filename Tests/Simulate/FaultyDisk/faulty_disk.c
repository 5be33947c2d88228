#include "include/faulty_disk.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR_BYTES = 512, PATH_BYTES = 512, FILES_MAX = 3 };

/// A change of a file that was not synced.
typedef struct Change {
  struct Change *next;
  sqlite3_int64 offset;
  int count;    // bytes; -1: the file is cut to `offset`
  unsigned char bytes[];
} Change;

/// What a power cut leaves of a file: `synced`, and of the changes behind it what chance wants.
typedef struct {
  char path[PATH_BYTES];    // empty: none
  unsigned char *synced;
  sqlite3_int64 syncedCount;
  Change *first, *last;
} Content;

typedef struct Disk {
  struct Disk *next;
  char path[PATH_BYTES];    // the database's
  int isFull, isBroken, isDead;
  int writesLeft, torn;    // -1: it lives
  Content files[FILES_MAX];
} Disk;

/// SQLite's handle of an open file; that of the system's layer lies behind it.
typedef struct {
  sqlite3_file base;
  Disk *disk;          // NULL for a temporary file
  Content *content;
} File;

static sqlite3_vfs *system_layer;
static Disk *disks;
static uint64_t chance;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static sqlite3_file *real(sqlite3_file *file) { return (sqlite3_file *)((File *)file + 1); }

static uint64_t draw(uint64_t *state) {
  uint64_t value = (*state += 0x9e3779b97f4a7c15);
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

// MARK: What is on a disk

static void *room(size_t count) {
  void *memory = calloc(1, count ? count : 1);
  if (!memory) abort();
  return memory;
}

/// The disk of a database, or of the log beside it.
static Disk *disk_of(const char *path) {
  size_t count = strlen(path);
  if (count > 4 && strcmp(path + count - 4, "-wal") == 0) count -= 4;
  if (count > 8 && strcmp(path + count - 8, "-journal") == 0) count -= 8;
  if (count >= PATH_BYTES) abort();
  for (Disk *disk = disks; disk; disk = disk->next)
    if (strlen(disk->path) == count && strncmp(disk->path, path, count) == 0) return disk;
  Disk *disk = room(sizeof(Disk));
  memcpy(disk->path, path, count);
  disk->writesLeft = -1;
  disk->next = disks;
  disks = disk;
  return disk;
}

static Content *content_of(Disk *disk, const char *path) {
  for (int index = 0; index < FILES_MAX; index++) {
    Content *content = &disk->files[index];
    if (strcmp(content->path, path) == 0) return content;
    if (content->path[0]) continue;
    strncpy(content->path, path, PATH_BYTES - 1);
    return content;
  }
  abort();
}

static void forget_changes(Content *content) {
  while (content->first) {
    Change *change = content->first;
    content->first = change->next;
    free(change);
  }
  content->last = NULL;
}

static void keep(Content *content, sqlite3_int64 offset, const void *bytes, int count) {
  Change *change = room(sizeof(Change) + (count > 0 ? (size_t)count : 0));
  change->offset = offset;
  change->count = count;
  if (count > 0) memcpy(change->bytes, bytes, (size_t)count);
  if (content->last) content->last->next = change;
  else content->first = change;
  content->last = change;
}

static void resize(Content *content, sqlite3_int64 count) {
  unsigned char *bytes = room((size_t)count);
  sqlite3_int64 kept = count < content->syncedCount ? count : content->syncedCount;
  if (kept > 0) memcpy(bytes, content->synced, (size_t)kept);
  free(content->synced);
  content->synced = bytes;
  content->syncedCount = count;
}

/// Applies `count` bytes of a change from `from` on to what is synced.
static void settle(Content *content, const Change *change, int from, int count) {
  if (change->count < 0) {
    resize(content, change->offset);
    return;
  }
  sqlite3_int64 end = change->offset + from + count;
  if (end > content->syncedCount) resize(content, end);
  memcpy(content->synced + change->offset + from, change->bytes + from, (size_t)count);
}

static void sync_content(Content *content) {
  for (Change *change = content->first; change; change = change->next)
    settle(content, change, 0, change->count);
  forget_changes(content);
}

// MARK: An open file

static int close_file(sqlite3_file *file) { return real(file)->pMethods->xClose(real(file)); }

static int read_file(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
  return real(file)->pMethods->xRead(real(file), bytes, count, offset);
}

static int write_file(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
  Disk *disk = ((File *)file)->disk;
  Content *content = ((File *)file)->content;
  if (!disk) return real(file)->pMethods->xWrite(real(file), bytes, count, offset);
  if (disk->isDead) return SQLITE_IOERR_WRITE;
  if (disk->isFull) return SQLITE_FULL;
  if (disk->writesLeft == 0) {
    disk->isDead = 1;
    if (count > disk->torn) count = disk->torn;
  } else if (disk->writesLeft > 0) {
    disk->writesLeft -= 1;
  }
  if (count > 0) {
    keep(content, offset, bytes, count);
    int result = real(file)->pMethods->xWrite(real(file), bytes, count, offset);
    if (result != SQLITE_OK) return result;
  }
  return disk->isDead ? SQLITE_IOERR_WRITE : SQLITE_OK;
}

static int truncate_file(sqlite3_file *file, sqlite3_int64 size) {
  Disk *disk = ((File *)file)->disk;
  if (disk && disk->isDead) return SQLITE_IOERR_TRUNCATE;
  if (disk) keep(((File *)file)->content, size, NULL, -1);
  return real(file)->pMethods->xTruncate(real(file), size);
}

static int sync_file(sqlite3_file *file, int flags) {
  (void)flags;
  Disk *disk = ((File *)file)->disk;
  if (!disk) return SQLITE_OK;
  if (disk->isDead || disk->isBroken) return SQLITE_IOERR_FSYNC;
  sync_content(((File *)file)->content);
  return SQLITE_OK;
}

static int size_of_file(sqlite3_file *file, sqlite3_int64 *size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}

static int lock_file(sqlite3_file *file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}

static int unlock_file(sqlite3_file *file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}

static int check_lock(sqlite3_file *file, int *isReserved) {
  return real(file)->pMethods->xCheckReservedLock(real(file), isReserved);
}

static int control_file(sqlite3_file *file, int operation, void *argument) {
  return real(file)->pMethods->xFileControl(real(file), operation, argument);
}

static int sector_size(sqlite3_file *file) { return real(file)->pMethods->xSectorSize(real(file)); }

/// No promise of the disk beyond what every disk keeps.
static int characteristics(sqlite3_file *file) {
  (void)file;
  return 0;
}

static int map_shared(sqlite3_file *file, int page, int size, int extend, void volatile **memory) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, memory);
}

static int lock_shared(sqlite3_file *file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}

static void barrier(sqlite3_file *file) { real(file)->pMethods->xShmBarrier(real(file)); }

static int unmap_shared(sqlite3_file *file, int deletes) {
  Disk *disk = ((File *)file)->disk;
  return real(file)->pMethods->xShmUnmap(real(file), disk && disk->isDead ? 0 : deletes);
}

static const sqlite3_io_methods methods = {
  .iVersion = 2,
  .xClose = close_file,
  .xRead = read_file,
  .xWrite = write_file,
  .xTruncate = truncate_file,
  .xSync = sync_file,
  .xFileSize = size_of_file,
  .xLock = lock_file,
  .xUnlock = unlock_file,
  .xCheckReservedLock = check_lock,
  .xFileControl = control_file,
  .xSectorSize = sector_size,
  .xDeviceCharacteristics = characteristics,
  .xShmMap = map_shared,
  .xShmLock = lock_shared,
  .xShmBarrier = barrier,
  .xShmUnmap = unmap_shared,
};

// MARK: The layer

static int open_file(
  sqlite3_vfs *layer, const char *path, sqlite3_file *file, int flags, int *outFlags) {
  (void)layer;
  File *own = (File *)file;
  memset(own, 0, sizeof(File));
  if (path && flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) {
    pthread_mutex_lock(&lock);
    own->disk = disk_of(path);
    own->content = content_of(own->disk, path);
    pthread_mutex_unlock(&lock);
    if (own->disk->isDead) return SQLITE_CANTOPEN;
  }
  int result = system_layer->xOpen(system_layer, path, real(file), flags, outFlags);
  if (real(file)->pMethods) own->base.pMethods = &methods;
  return result;
}

/// Taken for durable at once: SQLite deletes its log when nothing is in it any more.
static int delete_file(sqlite3_vfs *layer, const char *path, int syncs) {
  (void)layer;
  pthread_mutex_lock(&lock);
  Disk *disk = disk_of(path);
  Content *content = content_of(disk, path);
  int isDead = disk->isDead;
  if (!isDead) {
    forget_changes(content);
    resize(content, 0);
  }
  pthread_mutex_unlock(&lock);
  return isDead ? SQLITE_IOERR_DELETE : system_layer->xDelete(system_layer, path, syncs);
}

static int randomness(sqlite3_vfs *layer, int count, char *bytes) {
  (void)layer;
  for (int index = 0; index < count; index++) bytes[index] = (char)draw(&chance);
  return count;
}

void faulty_disk_install(void) {
  static sqlite3_vfs layer;
  if (system_layer) return;
  sqlite3_initialize();
  system_layer = sqlite3_vfs_find(NULL);
  layer = *system_layer;
  layer.zName = "faulty";
  layer.szOsFile = (int)sizeof(File) + system_layer->szOsFile;
  layer.xOpen = open_file;
  layer.xDelete = delete_file;
  layer.xRandomness = randomness;
  if (sqlite3_vfs_register(&layer, 1) != SQLITE_OK) abort();
}

void faulty_disk_seed(uint64_t seed) {
  chance = seed;
  // Has it ask for a new seed (https://www.sqlite.org/c3ref/randomness.html).
  sqlite3_randomness(0, NULL);
}

// MARK: Faults

void faulty_disk_set_full(const char *path, int is_full) { disk_of(path)->isFull = is_full; }

void faulty_disk_set_broken(const char *path, int is_broken) { disk_of(path)->isBroken = is_broken; }

void faulty_disk_die_after(const char *path, int writes, int torn) {
  Disk *disk = disk_of(path);
  disk->writesLeft = writes;
  disk->torn = torn;
}

int faulty_disk_is_dead(const char *path) { return disk_of(path)->isDead; }

void faulty_disk_kill(const char *path) { disk_of(path)->isDead = 1; }

void faulty_disk_revive(const char *path) {
  Disk *disk = disk_of(path);
  disk->isDead = disk->isFull = disk->isBroken = 0;
  disk->writesLeft = -1;
}

/// Of the changes that were not synced, the first are all there; of each later one, some sectors.
static void lose(Content *content, uint64_t *state) {
  int count = 0;
  for (Change *change = content->first; change; change = change->next) count += 1;
  int whole = count ? (int)(draw(state) % (uint64_t)(count + 1)) : 0;
  for (Change *change = content->first; change; change = change->next) {
    if (whole > 0) {
      whole -= 1;
      settle(content, change, 0, change->count);
      continue;
    }
    if (change->count < 0) continue;
    for (int from = 0; from < change->count; from += SECTOR_BYTES) {
      int rest = change->count - from;
      if (draw(state) & 1) settle(content, change, from, rest < SECTOR_BYTES ? rest : SECTOR_BYTES);
    }
  }
  forget_changes(content);
}

void faulty_disk_cut_power(const char *path, uint64_t seed) {
  Disk *disk = disk_of(path);
  for (int index = 0; index < FILES_MAX && disk->files[index].path[0]; index++) {
    Content *content = &disk->files[index];
    lose(content, &seed);
    FILE *file = fopen(content->path, "r+b");
    if (!file) continue;    // deleted
    fclose(file);
    file = fopen(content->path, "wb");
    if (!file) abort();
    fwrite(content->synced, 1, (size_t)content->syncedCount, file);
    if (fclose(file) != 0) abort();
  }
  faulty_disk_revive(path);
}

void faulty_disk_forget(const char *path) {
  Disk *disk = disk_of(path);
  for (Disk **link = &disks; *link; link = &(*link)->next) {
    if (*link != disk) continue;
    *link = disk->next;
    break;
  }
  for (int index = 0; index < FILES_MAX; index++) {
    forget_changes(&disk->files[index]);
    free(disk->files[index].synced);
  }
  free(disk);
}
