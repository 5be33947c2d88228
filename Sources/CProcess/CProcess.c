#define _GNU_SOURCE
#include "CProcess.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int cprocess_memory_file(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

int cprocess_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int cprocess_start(char *const arguments[], int output, int messages) {
  // Copies with high numbers: 0 to 3 may be the descriptors themselves.
  const int from_output = fcntl(output, F_DUPFD_CLOEXEC, 10), from_messages = fcntl(messages, F_DUPFD_CLOEXEC, 10);
  if (from_output < 0 || from_messages < 0) {
    const int code = errno;
    if (from_output >= 0) close(from_output);
    errno = code;
    return -1;
  }
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  sigemptyset(&none), sigfillset(&all);
  int code = posix_spawn_file_actions_init(&actions);
  if (!code) code = posix_spawnattr_init(&attributes);
  if (!code) code = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (!code) code = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  if (!code) code = posix_spawn_file_actions_adddup2(&actions, from_messages, 2);
  if (!code) code = posix_spawn_file_actions_adddup2(&actions, from_output, 3);
  if (!code) code = posix_spawn_file_actions_addclosefrom_np(&actions, 4);
  if (!code) code = posix_spawnattr_setsigmask(&attributes, &none);
  if (!code) code = posix_spawnattr_setsigdefault(&attributes, &all);
  if (!code) code = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t child = -1;
  if (!code) code = posix_spawn(&child, arguments[0], &actions, &attributes, arguments, environ);
  posix_spawn_file_actions_destroy(&actions), posix_spawnattr_destroy(&attributes);
  close(from_output), close(from_messages);
  errno = code;
  return code ? -1 : child;
}

int cprocess_wait(int child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return 255;
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int limit(int what, uint64_t most) { return setrlimit(what, &(struct rlimit){most, most}); }

// Sanitizers reserve terabytes of addresses.
#ifndef __has_feature
#define __has_feature(x) 0
#endif
enum { is_sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) };

int cprocess_confine(uint64_t memory, uint64_t file, uint64_t seconds) {
  if ((!is_sanitized && limit(RLIMIT_AS, memory)) || limit(RLIMIT_FSIZE, file) || limit(RLIMIT_CPU, seconds) || limit(RLIMIT_CORE, 0)) return -1;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) ? -1 : 0;
}

int cprocess_flush_output(void) {
  const int flushed = fflush(stdout);
  if (flushed == 0 && !ferror(stdout)) return 0;
  if (flushed == 0) errno = EIO; // an earlier one, whose reason is not kept
  return -1;
}
