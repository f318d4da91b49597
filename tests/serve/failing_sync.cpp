// Preloaded: fdatasync of files whose path holds $FAIL_SYNC_OF fails with EIO as long as the file
// $FAIL_SYNC_WHILE exists, as on a disk that is going bad.
#include <dlfcn.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" int fdatasync(int fd) {
  static const auto real = reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, "fdatasync"));
  const char* of = std::getenv("FAIL_SYNC_OF");
  const char* sign = std::getenv("FAIL_SYNC_WHILE");
  char link[64], path[PATH_MAX + 1];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t n = readlink(link, path, PATH_MAX);
  path[n > 0 ? n : 0] = '\0';
  if (of && sign && std::strstr(path, of) && access(sign, F_OK) == 0) {
    errno = EIO;
    return -1;
  }
  return real(fd);
}
