#include "cli/store_access.h"

#include <cstdlib>
#include <filesystem>

#include "cli/dead_command.h"

namespace quipu {

StoreAccess::StoreAccess(Store& store, Catalogue& catalogue, std::function<Status()> freshen)
    : store_(&store), catalogue_(&catalogue), freshen_(std::move(freshen)) {}

StoreAccess::~StoreAccess() = default;

Result<std::unique_ptr<StoreAccess>> StoreAccess::open(const std::string& folder,
                                                       std::function<bool()> keep_waiting) {
  std::unique_ptr<StoreAccess> access(new StoreAccess);
  StoreOptions options;
  options.keep_waiting = std::move(keep_waiting);
  QUIPU_ASSIGN(access->own_store_, Store::open(folder, options));
  auto snapshot = access->own_store_->snapshot();
  QUIPU_ASSIGN(access->own_catalogue_, Catalogue::load(*snapshot));
  access->store_ = access->own_store_.get();
  access->catalogue_ = access->own_catalogue_.get();
  return access;
}

Result<std::unique_ptr<Snapshot>> StoreAccess::snapshot() {
  if (freshen_) QUIPU_TRY(freshen_());
  return store_->snapshot();
}

namespace {

// --data, or else what the environment names, if it does.
std::string named_data_folder(const std::string& given) {
  const char* from_environment = std::getenv("QUIPU_DATA");
  return given.empty() && from_environment ? from_environment : given;
}

}  // namespace

Result<std::string> find_data_folder(const std::string& option) {
  const std::string given = named_data_folder(option);
  if (!given.empty()) {
    std::error_code ignored;
    if (std::filesystem::is_directory(given, ignored)) return given;
    return Error{given + ": no such store; quipu run --data " + given + " PLAN INPUT makes one"};
  }
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(".", ignored)) {
    if (entry.is_directory(ignored) && entry.path().extension() == ".quipu")
      found.push_back(entry.path().string());
  }
  if (found.size() == 1) return found[0];
  if (found.empty())
    return Error{
        "no store here (no folder *.quipu); name one with --data, or make one with quipu run"};
  std::string list;
  for (const std::string& f : found) list += " " + f;
  return Error{"several stores here; name one with --data:" + list};
}

std::string data_folder_of_plan(const std::string& option, const std::string& plan_name) {
  const std::string given = named_data_folder(option);
  return given.empty() ? "./" + plan_name + ".quipu" : given;
}

int store_command(const Arguments& arguments, StoreAccess& access, const Console& asked) {
  using Command = Arguments::Command;
  const bool for_programs =
      arguments.json || arguments.csv || arguments.command == Command::export_ ||
      (arguments.command == Command::dead && arguments.dead_action == Arguments::DeadAction::show);
  const Console console = for_programs ? asked : for_people(asked);
  switch (arguments.command) {
    case Command::query:
      return query_command(arguments, access, console);
    case Command::export_:
      return export_command(arguments, access, console);
    case Command::inspect:
      return inspect_command(arguments, access, console);
    case Command::backup:
      return backup_command(arguments, access, console);
    case Command::audit:
      return audit_command(arguments, access, console);
    case Command::dead:
      return dead_letters_command(arguments, access, console);
    default:
      break;
  }
  console.err("quipu: this command does not ask a store\n");
  return kExitUsage;
}

}  // namespace quipu
