// How a command reaches a store: its own, opened for it, or that of the running process that serves
// it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "store/catalogue.h"
#include "store/store.h"

namespace quipu {

inline constexpr int64_t kFreshS = 2;  // an answer from a running process is at most so old

class StoreAccess {
 public:
  // Opens the folder. If somebody has it open, that is waited for, as long as keep_waiting says so
  // (StoreOptions).
  static Result<std::unique_ptr<StoreAccess>> open(const std::string& folder,
                                                   std::function<bool()> keep_waiting);
  // Of a running process; both outlive this. `freshen` makes a checkpoint and waits for it, if the
  // last one is older than kFreshS.
  StoreAccess(Store& store, Catalogue& catalogue, std::function<Status()> freshen);
  ~StoreAccess();

  Store& store() { return *store_; }
  const Catalogue& catalogue() const { return *catalogue_; }
  // A snapshot not older than kFreshS, if somebody counts into the store.
  Result<std::unique_ptr<Snapshot>> snapshot();
  bool served() const { return bool(freshen_); }

 private:
  StoreAccess() = default;
  std::unique_ptr<Store> own_store_;
  std::unique_ptr<Catalogue> own_catalogue_;
  Store* store_ = nullptr;
  Catalogue* catalogue_ = nullptr;
  std::function<Status()> freshen_;
};

// The data folder of a command without a plan: --data, QUIPU_DATA of the environment, or the only
// *.quipu folder here.
Result<std::string> find_data_folder(const std::string& given);
// Of a command with a plan: --data, QUIPU_DATA, or ./NAME.quipu.
std::string data_folder_of_plan(const std::string& given, const std::string& plan_name);

// Commands that only read a store. They return the exit status.
int query_command(const Arguments& arguments, StoreAccess& access, const Console& console);
// Of a view of a store: what query_command() does behind opening one.
int answer_question(const Arguments& arguments, StoreView& view, const Console& console);
int export_command(const Arguments& arguments, StoreAccess& access, const Console& console);
int inspect_command(const Arguments& arguments, StoreAccess& access, const Console& console);
int backup_command(const Arguments& arguments, StoreAccess& access, const Console& console);
int audit_command(const Arguments& arguments, StoreAccess& access, const Console& console);

// Any of them, by arguments.command.
int store_command(const Arguments& arguments, StoreAccess& access, const Console& console);

}  // namespace quipu
