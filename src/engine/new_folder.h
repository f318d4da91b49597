// A data folder that this process makes. If nothing was ever committed into it, a run that fails
// takes it away again. One thread.
#pragma once

#include <string>

namespace quipu {

class NewFolder {
 public:
  NewFolder() = default;
  explicit NewFolder(const std::string& folder);  // before it is made
  // Whether it was not there before and holds nothing of its own: what came in by standard input
  // and is spooled may not come again.
  bool may_go() const;
  // Out of the way, while its store is still open, so that nobody else opens it meanwhile.
  void move_away();
  void remove() const;  // what was moved away

 private:
  std::string folder_, away_;
  bool made_here_ = false;
};

}  // namespace quipu
