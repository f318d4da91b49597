// The commands and options of the command line, as lists. One thread.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace quipu {

struct OptionHelp {
  std::string name;         // "--data", or "INPUT" of a positional one
  std::string description;  // one line
  bool positional = false, required = false, takes_value = false, many = false;
};

// Those that help shows, in order.
std::vector<CLI::App*> commands_of(const CLI::App& app);
std::vector<std::string> command_names(const CLI::App& app);
std::vector<OptionHelp> options_of(const CLI::App& command);
std::vector<std::string> option_names(const CLI::App& command);        // "--data" ...
CLI::App* find_command(const CLI::App& app, const std::string& name);  // hidden ones too; or null
std::string full_name(const std::vector<std::string>& topic);          // "quipu key add"

}  // namespace quipu
