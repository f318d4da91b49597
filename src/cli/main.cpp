// The quipu program.
#include <filesystem>
#include <optional>

#include "base/heap.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/dead_command.h"
#include "cli/plan_commands.h"
#include "cli/query_server.h"
#include "cli/run_command.h"
#include "cli/serve_command.h"
#include "cli/socket.h"
#include "cli/store_access.h"

namespace quipu {
namespace {

// Commands on a store: asked of the process that has it open, or done here.
int on_store(const Arguments& arguments, const std::vector<std::string>& args,
             const Console& console) {
  std::string named = arguments.data;
  if (!arguments.plan.empty())  // of audit, dead replay
    named = data_folder_of_plan(named, std::filesystem::path(arguments.plan).stem().string());
  auto folder = find_data_folder(named);
  if (!folder.ok()) {
    console.err("quipu: " + folder.error().message + "\n");
    return kExitUsage;
  }
  // Paths of the request are the asker's.
  std::vector<std::string> request = {std::filesystem::current_path().string()};
  request.insert(request.end(), args.begin(), args.end());
  std::optional<int> answered;
  const auto nobody_answers = [&] {
    answered = ask_running_process(*folder, request, console);
    return !answered;
  };
  if (!nobody_answers()) return *answered;
  if (arguments.command == Arguments::Command::load ||
      arguments.command == Arguments::Command::sources) {
    console.err("quipu: no server has " + *folder +
                " open; quipu serve starts one, and quipu run counts files without one\n");
    return kExitError;
  }
  if (arguments.command == Arguments::Command::dead &&
      arguments.dead_action == Arguments::DeadAction::replay) {
    if (!arguments.plan.empty()) return replay_command(arguments, console);
    console.err("quipu dead replay: no server has " + *folder +
                " open; name the plan: quipu dead replay PLAN\n");
    return kExitUsage;
  }
  // Whoever has it may be a run that is about to serve it.
  auto access = StoreAccess::open(*folder, nobody_answers);
  if (answered) return *answered;
  if (!access.ok()) {
    console.err("quipu: " + access.error().message + "\n");
    return kExitError;
  }
  return store_command(arguments, **access, console);
}

// What the process that answers cannot see: the terminal that a table goes to.
std::vector<std::string> with_terminal(std::vector<std::string> args) {
  if (args.empty() || args[0] != "query" || !output_is_terminal()) return args;
  if (colours_wanted()) args.insert(args.begin() + 1, "--in-colour");
  args.insert(args.begin() + 1, "--on-terminal");
  return args;
}

int run_program(const std::vector<std::string>& given) {
  const std::vector<std::string> args = with_terminal(given);
  const Console console = process_console();
  ParsedArguments parsed = parse_arguments(args);
  if (!parsed.arguments) {
    (parsed.status == 0 ? console.out : console.err)(parsed.text);
    return parsed.status;
  }
  switch (parsed.arguments->command) {
    case Arguments::Command::init:
      return init_command(*parsed.arguments, console);
    case Arguments::Command::check:
      return check_command(*parsed.arguments, for_people(console));
    case Arguments::Command::run:
      return run_command(*parsed.arguments, for_people(console));
    case Arguments::Command::serve:
      return serve_command(*parsed.arguments, for_people(console));
    case Arguments::Command::key:
      return key_command(*parsed.arguments, for_people(console));
    case Arguments::Command::query:
      if (!parsed.arguments->server.empty())
        return query_server_command(*parsed.arguments, console);
      return on_store(*parsed.arguments, args, console);
    default:
      return on_store(*parsed.arguments, args, console);
  }
}

}  // namespace
}  // namespace quipu

int main(int argc, char** argv) {
  quipu::keep_heap_small();
  const int status = quipu::run_program({argv + 1, argv + argc});
  // An answer that did not reach its reader is none, whichever command gave it.
  if (const quipu::Status written = quipu::written_output(); !written.ok()) {
    quipu::process_console().err("quipu: " + written.error().message + "\n");
    if (status == quipu::kExitDone || status == quipu::kExitSetAside) return quipu::kExitError;
  }
  return status;
}
