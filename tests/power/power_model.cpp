// A model of a disk that may lose its power, for tests: preloaded into a program (LD_PRELOAD), it
// writes down what would undo each change below QUIPU_POWER_ROOT, and each sync. After the program
// was killed, power_loss.py takes away what was not synced, or a random part of it.
//
// Environment: QUIPU_POWER_ROOT, a canonical folder; QUIPU_POWER_LOG, the log, and beside it a
// folder LOG.kept for files that lost a name (all three on one file system). What is written to the
// file QUIPU_FAULT_LOG (fault points) goes into the log too, so that the order is known.
//
// The log's records, one line each, ended by " .", texts percent-encoded; NODE is
// device:inode, FOLDER the node of the folder that the (new) name is in:
//   write NODE OFFSET SIZE_BEFORE HEX    before bytes are written: those that lie there now
//   size NODE SIZE_BEFORE SIZE HEX       before a file's size changes: the bytes that are cut off
//   name PATH NODE FOLDER                after a file got a name (its first, or another)
//   folder PATH NODE FOLDER              after a folder was made
//   move FROM TO NODE KEPT FOLDER        before a rename; KEPT: where the replaced file is kept, or
//   - drop PATH NODE KEPT FOLDER           before a name goes rmdir PATH FOLDER before a folder
//   goes file NODE PATH                       the path by which a file was opened, for messages
//   sync NODE                            after a file or folder was synced
//   point NAME                           a fault point was passed
// A change that a kill kept from happening is in the log all the same; undoing it does nothing.
//
// What it does not see: mmap, and stdio's own calls (RocksDB's LOG). One mutex over all.
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

namespace {

constexpr int kMostFiles = 65536;
enum class Use : unsigned char { other, tracked, points };
Use g_use[kMostFiles];  // by descriptor

struct Model {
  std::string root, kept, points;
  int log = -1;
  uint64_t kept_files = 0;
  std::recursive_mutex mutex;

  Model() {
    const char* folder = std::getenv("QUIPU_POWER_ROOT");
    const char* path = std::getenv("QUIPU_POWER_LOG");
    if (!folder || !path) return;
    root = folder;
    kept = std::string(path) + ".kept";
    if (const char* p = std::getenv("QUIPU_FAULT_LOG")) points = p;
    ::syscall(SYS_mkdirat, AT_FDCWD, kept.c_str(), 0700);
    log =
        int(::syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (log < 0) std::abort();
    note("");  // ends what another process may have left unfinished
  }
  bool on() const { return log >= 0; }
  bool inside(const std::string& path) const {
    return path.compare(0, root.size(), root) == 0 &&
           (path.size() == root.size() || path[root.size()] == '/');
  }
  void note(const std::string& line) {
    const std::string whole = line.empty() ? "\n" : line + " .\n";
    if (::syscall(SYS_write, log, whole.data(), whole.size()) != long(whole.size())) std::abort();
  }
  std::string keep(const std::string& path) {
    struct stat info;
    if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return "-";
    const std::string name =
        kept + "/" + std::to_string(::getpid()) + "_" + std::to_string(++kept_files);
    if (::syscall(SYS_linkat, AT_FDCWD, path.c_str(), AT_FDCWD, name.c_str(), 0) != 0) return "-";
    return name;
  }
};

Model& model() {
  static Model* const made = new Model;
  return *made;
}

std::string node_of(const struct stat& info) {
  return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino);
}

std::string folder_of(const std::string& path) {
  struct stat info;
  if (::lstat(path.substr(0, path.rfind('/')).c_str(), &info) != 0) return "-";
  return node_of(info);
}

std::string escaped(const std::string& text) {
  std::string out;
  char hex[4];
  for (unsigned char c : text) {
    if (c > ' ' && c < 127 && c != '%') {
      out += char(c);
    } else {
      std::snprintf(hex, sizeof hex, "%%%02x", c);
      out += hex;
    }
  }
  return out.empty() ? "%" : out;
}

std::string hex_of(const std::string& bytes) {
  static const char digits[] = "0123456789abcdef";
  std::string out = "x";
  for (unsigned char c : bytes) {
    out += digits[c >> 4];
    out += digits[c & 15];
  }
  return out;
}

// Absolute, its folder canonical; the last part as it is.
std::string canonical(int folder, const char* path) {
  std::string whole = path;
  if (whole.empty()) return whole;
  if (whole[0] != '/') {
    char base[PATH_MAX];
    if (folder == AT_FDCWD) {
      if (!::getcwd(base, sizeof base)) return "";
    } else {
      const std::string link = "/proc/self/fd/" + std::to_string(folder);
      const ssize_t n = ::readlink(link.c_str(), base, sizeof base - 1);
      if (n < 0) return "";
      base[n] = 0;
    }
    whole = std::string(base) + "/" + whole;
  }
  while (whole.size() > 1 && whole.back() == '/') whole.pop_back();
  const size_t slash = whole.rfind('/');
  char resolved[PATH_MAX];
  if (!::realpath(slash == 0 ? "/" : whole.substr(0, slash).c_str(), resolved)) return "";
  return std::string(resolved) + whole.substr(slash);
}

bool tracked(int fd) { return fd >= 0 && fd < kMostFiles && g_use[fd] == Use::tracked; }

std::string bytes_at(const struct stat& info, int fd, off_t offset, size_t size) {
  if (offset >= info.st_size) return "";
  std::string bytes(std::min(size, size_t(info.st_size - offset)), '\0');
  size_t have = 0;
  // The descriptor may be for writing only.
  const std::string again = "/proc/self/fd/" + std::to_string(fd);
  const int reader = int(::syscall(SYS_openat, AT_FDCWD, again.c_str(), O_RDONLY | O_CLOEXEC));
  while (have < bytes.size()) {
    const ssize_t n =
        ::pread(reader, bytes.data() + have, bytes.size() - have, offset + off_t(have));
    if (n <= 0) std::abort();
    have += size_t(n);
  }
  ::syscall(SYS_close, reader);
  return bytes;
}

void before_write(int fd, off_t offset, size_t size) {
  struct stat info;
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return;
  if (offset < 0) {
    const bool appends = ::fcntl(fd, F_GETFL) & O_APPEND;
    offset = appends ? info.st_size : ::lseek(fd, 0, SEEK_CUR);
  }
  model().note("write " + node_of(info) + " " + std::to_string(offset) + " " +
               std::to_string(info.st_size) + " " + std::to_string(size) + " " +
               hex_of(bytes_at(info, fd, offset, size)));
}

void before_size(int fd, off_t size) {
  struct stat info;
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == size) return;
  model().note(
      "size " + node_of(info) + " " + std::to_string(info.st_size) + " " + std::to_string(size) +
      " " +
      hex_of(size < info.st_size ? bytes_at(info, fd, size, size_t(info.st_size - size)) : ""));
}

int open_it(int folder, const char* path, int flags, mode_t mode) {
  Model& m = model();
  if (!m.on()) return int(::syscall(SYS_openat, folder, path, flags, mode));
  std::lock_guard lock(m.mutex);
  const std::string name = canonical(folder, path);
  const bool inside = !name.empty() && m.inside(name);
  struct stat before;
  const bool existed = inside && ::stat(name.c_str(), &before) == 0;
  if (inside && existed && (flags & O_TRUNC) && S_ISREG(before.st_mode) && before.st_size > 0) {
    const int cut = int(::syscall(SYS_openat, AT_FDCWD, name.c_str(), O_RDWR | O_CLOEXEC));
    if (cut >= 0) {
      before_size(cut, 0);
      ::syscall(SYS_close, cut);
    }
  }
  const int fd = int(::syscall(SYS_openat, folder, path, flags, mode));
  if (fd < 0 || fd >= kMostFiles) return fd;
  g_use[fd] = Use::other;
  if (!m.points.empty() && name == m.points) g_use[fd] = Use::points;
  if (!inside) return fd;
  g_use[fd] = Use::tracked;
  struct stat info;
  if (::fstat(fd, &info) != 0) return fd;
  if (!existed) m.note("name " + escaped(name) + " " + node_of(info) + " " + folder_of(name));
  if (flags & (O_WRONLY | O_RDWR)) m.note("file " + node_of(info) + " " + escaped(name));
  return fd;
}

template <typename Call>
auto locked(bool relevant, Call call) {
  if (!relevant || !model().on()) return call();
  std::lock_guard lock(model().mutex);
  return call();
}

// The disk is left alone: what a killed process wrote is there anyway.
int sync_it(int fd, long number) {
  if (!tracked(fd)) return int(::syscall(number, fd));
  std::lock_guard lock(model().mutex);
  struct stat info;
  if (::fstat(fd, &info) == 0) model().note("sync " + node_of(info));
  return 0;
}

int drop_it(int folder, const char* path, int flags) {
  Model& m = model();
  const std::string name = m.on() ? canonical(folder, path) : "";
  if (name.empty() || !m.inside(name)) return int(::syscall(SYS_unlinkat, folder, path, flags));
  std::lock_guard lock(m.mutex);
  struct stat info;
  if (::lstat(name.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) {
      if (flags & AT_REMOVEDIR) m.note("rmdir " + escaped(name) + " " + folder_of(name));
    } else if (S_ISREG(info.st_mode)) {
      m.note("drop " + escaped(name) + " " + node_of(info) + " " + escaped(m.keep(name)) + " " +
             folder_of(name));
    }
  }
  return int(::syscall(SYS_unlinkat, folder, path, flags));
}

int move_it(int from_folder, const char* from, int to_folder, const char* to) {
  Model& m = model();
  const std::string source = m.on() ? canonical(from_folder, from) : "";
  const std::string target = m.on() ? canonical(to_folder, to) : "";
  if (source.empty() || target.empty() || !(m.inside(source) || m.inside(target)))
    return int(::syscall(SYS_renameat, from_folder, from, to_folder, to));
  std::lock_guard lock(m.mutex);
  struct stat info;
  if (::lstat(source.c_str(), &info) == 0) {
    m.note("move " + escaped(source) + " " + escaped(target) + " " + node_of(info) + " " +
           escaped(m.keep(target)) + " " + folder_of(target));
  }
  return int(::syscall(SYS_renameat, from_folder, from, to_folder, to));
}

int link_it(int from_folder, const char* from, int to_folder, const char* to, int flags) {
  Model& m = model();
  const std::string target = m.on() ? canonical(to_folder, to) : "";
  if (target.empty() || !m.inside(target))
    return int(::syscall(SYS_linkat, from_folder, from, to_folder, to, flags));
  std::lock_guard lock(m.mutex);
  const int result = int(::syscall(SYS_linkat, from_folder, from, to_folder, to, flags));
  struct stat info;
  if (result == 0 && ::lstat(target.c_str(), &info) == 0)
    m.note("name " + escaped(target) + " " + node_of(info) + " " + folder_of(target));
  return result;
}

}  // namespace

extern "C" {

#define QUIPU_OPEN(name)                                                          \
  int name(const char* path, int flags, ...) {                                    \
    va_list more;                                                                 \
    va_start(more, flags);                                                        \
    const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
    va_end(more);                                                                 \
    return open_it(AT_FDCWD, path, flags, mode);                                  \
  }
QUIPU_OPEN(open)
QUIPU_OPEN(open64)
#undef QUIPU_OPEN
int __open_2(const char* path, int flags) { return open_it(AT_FDCWD, path, flags, 0); }
int __open64_2(const char* path, int flags) { return open_it(AT_FDCWD, path, flags, 0); }
int creat(const char* path, mode_t mode) {
  return open_it(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int openat(int folder, const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
  va_end(more);
  return open_it(folder, path, flags, mode);
}

int close(int fd) {
  if (fd >= 0 && fd < kMostFiles) g_use[fd] = Use::other;
  return int(::syscall(SYS_close, fd));
}

ssize_t write(int fd, const void* from, size_t size) {
  return locked(fd >= 0 && fd < kMostFiles && g_use[fd] != Use::other, [&]() -> ssize_t {
    if (tracked(fd)) before_write(fd, -1, size);
    if (model().on() && fd >= 0 && fd < kMostFiles && g_use[fd] == Use::points)
      model().note("point " + std::string(static_cast<const char*>(from), size > 0 ? size - 1 : 0));
    return ::syscall(SYS_write, fd, from, size);
  });
}
ssize_t pwrite(int fd, const void* from, size_t size, off_t offset) {
  return locked(tracked(fd), [&]() -> ssize_t {
    if (tracked(fd)) before_write(fd, offset, size);
    return ::syscall(SYS_pwrite64, fd, from, size, offset);
  });
}
ssize_t pwrite64(int fd, const void* from, size_t size, off_t offset) {
  return pwrite(fd, from, size, offset);
}
ssize_t writev(int fd, const struct iovec* parts, int count) {
  return locked(tracked(fd), [&]() -> ssize_t {
    size_t size = 0;
    for (int i = 0; i < count; ++i) size += parts[i].iov_len;
    if (tracked(fd)) before_write(fd, -1, size);
    return ::syscall(SYS_writev, fd, parts, count);
  });
}
ssize_t sendfile(int to, int from, off_t* offset, size_t size) {
  return locked(tracked(to), [&]() -> ssize_t {
    if (tracked(to)) before_write(to, -1, size);
    return ::syscall(SYS_sendfile, to, from, offset, size);
  });
}
ssize_t sendfile64(int to, int from, off_t* offset, size_t size) {
  return sendfile(to, from, offset, size);
}
ssize_t copy_file_range(int from, off64_t* at, int to, off64_t* to_at, size_t size,
                        unsigned flags) {
  return locked(tracked(to), [&]() -> ssize_t {
    if (tracked(to)) before_write(to, to_at ? *to_at : -1, size);
    return ::syscall(SYS_copy_file_range, from, at, to, to_at, size, flags);
  });
}

int ftruncate(int fd, off_t size) {
  return locked(tracked(fd), [&] {
    if (tracked(fd)) before_size(fd, size);
    return int(::syscall(SYS_ftruncate, fd, size));
  });
}
int ftruncate64(int fd, off_t size) { return ftruncate(fd, size); }
int truncate(const char* path, off_t size) {
  const int fd = open_it(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int result = ftruncate(fd, size);
  close(fd);
  return result;
}
int truncate64(const char* path, off_t size) { return truncate(path, size); }
int fallocate(int fd, int mode, off_t offset, off_t size) {
  return locked(tracked(fd), [&] {
    struct stat info;
    if (tracked(fd) && !(mode & FALLOC_FL_KEEP_SIZE) && ::fstat(fd, &info) == 0)
      before_size(fd, std::max<off_t>(info.st_size, offset + size));
    return int(::syscall(SYS_fallocate, fd, mode, offset, size));
  });
}
int fallocate64(int fd, int mode, off_t offset, off_t size) {
  return fallocate(fd, mode, offset, size);
}

int fsync(int fd) { return sync_it(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_it(fd, SYS_fdatasync); }

int mkdir(const char* path, mode_t mode) {
  Model& m = model();
  const std::string name = m.on() ? canonical(AT_FDCWD, path) : "";
  return locked(true, [&] {
    const int result = int(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
    struct stat info;
    if (result == 0 && !name.empty() && m.inside(name) && ::lstat(name.c_str(), &info) == 0)
      m.note("folder " + escaped(name) + " " + node_of(info) + " " + folder_of(name));
    return result;
  });
}
int rmdir(const char* path) { return drop_it(AT_FDCWD, path, AT_REMOVEDIR); }
int unlink(const char* path) { return drop_it(AT_FDCWD, path, 0); }
int unlinkat(int folder, const char* path, int flags) { return drop_it(folder, path, flags); }
int remove(const char* path) {
  const int result = drop_it(AT_FDCWD, path, 0);
  return result != 0 && errno == EISDIR ? drop_it(AT_FDCWD, path, AT_REMOVEDIR) : result;
}
int rename(const char* from, const char* to) { return move_it(AT_FDCWD, from, AT_FDCWD, to); }
int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  return move_it(from_folder, from, to_folder, to);
}
int link(const char* from, const char* to) { return link_it(AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) {
  return link_it(from_folder, from, to_folder, to, flags);
}

}  // extern "C"
