#include "cli/command_options.h"

#include <CLI/CLI.hpp>

namespace quipu {

std::vector<CLI::App*> commands_of(const CLI::App& app) {
  std::vector<CLI::App*> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) commands.push_back(const_cast<CLI::App*>(command));
  }
  return commands;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands_of(app)) names.push_back(command->get_name());
  return names;
}

std::vector<OptionHelp> options_of(const CLI::App& command) {
  std::vector<OptionHelp> options;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group().empty()) continue;
    OptionHelp help;
    help.positional = option->get_positional();
    const std::vector<std::string>& long_names = option->get_lnames();
    help.name = help.positional ? option->get_name(true) : "--" + long_names.front();
    help.description = option->get_description();
    help.required = option->get_required();
    help.takes_value = option->get_items_expected_max() > 0;
    help.many = option->get_items_expected_max() > 1;
    options.push_back(help);
    if (!help.positional || long_names.empty()) continue;
    help.positional = help.required = false;  // it has both ways
    help.name = "--" + long_names.front();
    options.push_back(std::move(help));
  }
  return options;
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const OptionHelp& option : options_of(command)) {
    if (!option.positional) names.push_back(option.name);
  }
  return names;
}

CLI::App* find_command(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == name) return const_cast<CLI::App*>(command);
  }
  return nullptr;
}

std::string full_name(const std::vector<std::string>& topic) {
  std::string name = "quipu";
  for (size_t i = 0; i + 1 < topic.size(); ++i) name += " " + topic[i];
  return name;
}

}  // namespace quipu
