#include "store/trouble.h"

#include <rocksdb/status.h>

namespace quipu {

Trouble trouble_of(const rocksdb::Status& status) {
  Trouble t{Trouble::Kind::other, status.ToString()};
  if (status.IsNoSpace()) {
    t.kind = Trouble::Kind::no_space;
  } else if (status.IsCorruption() || status.IsPathNotFound()) {
    t.kind = Trouble::Kind::damage;
  } else if (status.IsIOError() &&
             (t.text.find("While lock file") != std::string::npos ||
              t.text.find("lock hold by current process") != std::string::npos)) {
    t = {Trouble::Kind::in_use, "another process"};
  }
  return t;
}

Error store_error(const Trouble& trouble, const std::string& folder, uint64_t checkpoint) {
  const std::string from =
      checkpoint ? "checkpoint " + std::to_string(checkpoint) : "its last checkpoint";
  switch (trouble.kind) {
    case Trouble::Kind::no_space:
      return Error{"no space left on device (the store in " + folder +
                   "); free some and run the same command again: it continues from " + from};
    case Trouble::Kind::damage:
      return Error{"the store in " + folder + " is damaged: " + trouble.text +
                   "; restore a backup, or count the inputs into a new store"};
    case Trouble::Kind::in_use:
      return Error{"the store in " + folder + " is in use by " + trouble.text +
                   "; stop that one, or ask it"};
    case Trouble::Kind::other:
      break;
  }
  return Error{"the store in " + folder + " cannot be read or written: " + trouble.text +
               "; mend that and run the same command again: it continues from " + from};
}

}  // namespace quipu
