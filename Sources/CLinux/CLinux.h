// Kernel interfaces that Swift's Glibc module lacks, and typed doors to calls that C declares as variadic, which
// Swift cannot call. Nothing here decides anything: each function is one system call.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

// glibc declares these only with _GNU_SOURCE, which the importer of a system module does not define; they are the
// kernel's own numbers: rename(2), openat2(2).
#define CLINUX_RENAME_NOREPLACE 1u
#define CLINUX_RENAME_EXCHANGE 2u

/// openat2(2): glibc has no wrapper.
static inline int clinux_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
  return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

/// ioctl_ficlone(2): shares the bytes of `source` with `destination` where the file system can.
static inline int clinux_ficlone(int destination, int source) { return ioctl(destination, FICLONE, source); }

/// getdents64(2): readdir(3) would allocate a stream, and copy the descriptor, for each directory of a big tree.
static inline int clinux_getdents64(int directory, void *buffer, unsigned size) {
  return (int)syscall(SYS_getdents64, directory, buffer, size);
}

/// ioctl(2) FIONREAD: how many bytes there are to read.
static inline int clinux_bytes_to_read(int descriptor, int *count) { return ioctl(descriptor, FIONREAD, count); }

/// renameat2(2).
static inline int clinux_renameat2(int from, const char *old, int to, const char *new_, unsigned flags) {
  return (int)syscall(SYS_renameat2, from, old, to, new_, flags);
}

/// ioprio_set(2) for the calling process: class `best-effort` = 2, `idle` = 3.
static inline int clinux_ioprio_set_self(int class_, int level) {
  return (int)syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, (class_ << 13) | level);
}

/// prctl(2) PR_SET_NAME: names the calling thread; what is over 15 bytes is cut off.
static inline int clinux_name_thread(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }

// fcntl(2)'s leases and signals, which glibc declares only with _GNU_SOURCE.
#define CLINUX_F_SETSIG 10
#define CLINUX_F_SETLEASE 1024
/// lseek(2): the next hole.
#define CLINUX_SEEK_HOLE 4

/// fcntl(2) with a number as its argument.
static inline int clinux_fcntl(int descriptor, int command, int argument) {
  return fcntl(descriptor, command, argument);
}
