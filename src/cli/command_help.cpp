#include "cli/command_help.h"

#include <CLI/CLI.hpp>

#include "base/near_names.h"
#include "cli/command_options.h"
#include "cli/console.h"
#include "store/store.h"

namespace quipu {
namespace {

constexpr size_t kNearOffered = 3;

ParsedArguments text_answer(std::string text, int status = kExitDone) {
  ParsedArguments parsed;
  parsed.text = std::move(text);
  parsed.status = status;
  return parsed;
}

std::string no_command(const CLI::App& app, const std::string& name) {
  std::string all;
  for (const std::string& command : command_names(app)) all += (all.empty() ? "" : ", ") + command;
  return (app.get_parent() ? "quipu " + app.get_name() : std::string("quipu")) + ": no command \"" +
         name + "\"" + did_you_mean(near_names(name, command_names(app), kNearOffered)) +
         " (there are " + all + ")";
}

ParsedArguments answer_topic(CLI::App& app, const std::vector<std::string>& topic) {
  CLI::App* command = &app;
  for (const std::string& name : topic) {
    CLI::App* next = find_command(*command, name);
    if (!next) return text_answer(no_command(*command, name) + "\n", kExitUsage);
    command = next;
  }
  return text_answer(command == &app ? app.help() : command->help(full_name(topic)));
}

ParsedArguments answer_completion(const CLI::App& app, const std::vector<std::string>& rest) {
  std::optional<std::string> script;
  if (rest.size() == 1) script = completion_script(app, rest[0]);
  if (script) return text_answer(*script);
  return text_answer("quipu completion: name a shell: bash, zsh or fish\n", kExitUsage);
}

ParsedArguments answer_manual(CLI::App& app, const std::vector<std::string>& rest) {
  CLI::App* command = rest.empty() ? nullptr : find_command(app, rest[0]);
  if (!rest.empty() && !command) return text_answer(no_command(app, rest[0]) + "\n", kExitUsage);
  return text_answer(manual_page(app, command));
}

// The message for what is left over, in the order in which it was written. (CLI11 turns it round.)
std::string left_over(const CLI::App& command, const std::vector<std::string>& left) {
  std::string text = "not understood:";
  for (const std::string& word : left) text += " " + word;
  for (const std::string& word : left) {
    if (word.size() < 2 || word[0] != '-') continue;
    const std::string name = word.substr(0, word.find('='));
    // Options that other programs have.
    const std::vector<std::string> options = option_names(command);
    const bool by =
        name == "--group-by" && std::find(options.begin(), options.end(), "--by") != options.end();
    return text + (by ? "; did you mean \"--by\"?"
                      : did_you_mean(near_names(name, options, kNearOffered)));
  }
  return text;
}

}  // namespace

std::string version_text() { return "quipu " QUIPU_VERSION; }

void add_help_commands(CLI::App& app) {
  CLI::App* help = app.add_subcommand("help", "Show the help of a command");
  help->add_option("COMMAND", "such as query, or key add");
  app.add_subcommand("version", "Print the version of the program and of its stores");
  CLI::App* completion =
      app.add_subcommand("completion", "Print a script that completes commands in a shell");
  completion->add_option("SHELL", "bash, zsh or fish")->required();
  app.add_subcommand("man", "")->group("");  // for the build: man pages of the commands
}

std::optional<ParsedArguments> answer_help(CLI::App& app, const std::vector<std::string>& args) {
  if (args.empty()) return std::nullopt;
  const std::vector<std::string> rest(args.begin() + 1, args.end());
  for (const std::string& word : rest) {
    if (word.size() > 1 && word[0] == '-')
      return std::nullopt;  // --help, or what is not understood
  }
  if (args[0] == "help") return answer_topic(app, rest);
  if (args[0] == "completion") return answer_completion(app, rest);
  if (args[0] == "man") return answer_manual(app, rest);
  if (args[0] == "version" && rest.empty()) {
    return text_answer(version_text() + "\nstore format " + std::to_string(kStoreVersion) +
                       "\nbuilt by " QUIPU_COMPILER "\n");
  }
  return std::nullopt;
}

std::string usage_message(const CLI::App& app, const std::vector<std::string>& args,
                          const CLI::ParseError& error) {
  if (args.empty()) return "quipu: which command? (quipu --help lists them)";
  if (args[0][0] != '-' && !find_command(app, args[0])) return no_command(app, args[0]);
  const CLI::App* command = find_command(app, args[0]);
  if (command && args.size() > 1 && args[1][0] != '-' && !command_names(*command).empty() &&
      !find_command(*command, args[1]))
    return no_command(*command, args[1]);
  const std::vector<std::string> left = app.remaining(true);
  const bool extras = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  if (!extras || left.empty()) return std::string("quipu: ") + error.what();
  return "quipu" + (command ? " " + args[0] : "") + ": " +
         left_over(command ? *command : app, left);
}

}  // namespace quipu
