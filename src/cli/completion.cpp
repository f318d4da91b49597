// Completion of commands, options and file names in bash, zsh and fish.
#include <CLI/CLI.hpp>

#include "cli/command_help.h"
#include "cli/command_options.h"

namespace quipu {
namespace {

constexpr char kIntervals[] = "hour day week month year lifetime";
constexpr char kShells[] = "bash zsh fish";

std::string words(const std::vector<std::string>& list) {
  std::string text;
  for (const std::string& word : list) text += (text.empty() ? "" : " ") + word;
  return text;
}

// Between single quotes of a shell; for zsh also without what its specs have a meaning for.
std::string in_quotes(const std::string& text, std::string_view left_out = "") {
  std::string out;
  for (char c : text) {
    if (left_out.find(c) != std::string_view::npos)
      out += ' ';
    else if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return "'" + out + "'";
}

// What completes a command's words beside its options: commands of its own, or nothing (files).
std::string own_words(const CLI::App& app, const CLI::App& command) {
  if (command.get_name() == "help") return words(command_names(app));
  if (command.get_name() == "completion") return kShells;
  return words(command_names(command));
}

std::vector<std::string> options_with_parts(const CLI::App& command) {
  std::vector<std::string> names = option_names(command);
  for (const CLI::App* part : commands_of(command)) {
    for (const std::string& name : option_names(*part)) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

std::string bash_script(const CLI::App& app) {
  std::string cases;
  for (const CLI::App* command : commands_of(app)) {
    cases += "    " + command->get_name() + ") options=\"" + words(options_with_parts(*command)) +
             "\" words=\"" + own_words(app, *command) + "\" ;;\n";
  }
  return "# bash completion of quipu; made by: quipu completion bash\n"
         "_quipu() {\n"
         "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
         "  local options=\"\" words=\"\"\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
         "    COMPREPLY=($(compgen -W \"" +
         words(command_names(app)) + " --help --version\" -- \"$current\"))\n    return\n  fi\n" +
         "  if [ \"$previous\" = --interval ]; then\n    COMPREPLY=($(compgen -W \"" + kIntervals +
         "\" -- \"$current\"))\n    return\n  fi\n" + "  case \"${COMP_WORDS[1]}\" in\n" + cases +
         "  esac\n"
         "  if [[ \"$current\" == -* ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
         "  elif [ -n \"$words\" ]; then\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  else\n"
         "    COMPREPLY=($(compgen -f -- \"$current\"))\n"
         "  fi\n"
         "}\n"
         "complete -o filenames -F _quipu quipu\n";
}

std::string zsh_script(const CLI::App& app) {
  std::string list, cases;
  for (const CLI::App* command : commands_of(app)) {
    list += "    " + in_quotes(command->get_name() + ":" + command->get_description()) + "\n";
    cases += "    " + command->get_name() + ")\n      _arguments";
    for (const OptionHelp& option : options_of(*command)) {
      if (option.positional) continue;
      std::string value = option.takes_value ? ":value:" : "";
      if (option.name == "--interval") value += std::string("(") + kIntervals + ")";
      if (option.name == "--data" || option.name == "--zoneinfo") value += "_files -/";
      cases += " \\\n        " + in_quotes(option.name + "[") +
               in_quotes(option.description, "[]:\n") + in_quotes("]" + value);
    }
    const std::string own = own_words(app, *command);
    cases +=
        " \\\n        '*:" + (own.empty() ? std::string("file:_files") : "word:(" + own + ")") +
        "' ;;\n";
  }
  return "#compdef quipu\n# zsh completion of quipu; made by: quipu completion zsh\n"
         "_quipu() {\n  local -a commands\n  commands=(\n" +
         list +
         "  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n"
         "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n" +
         cases + "  esac\n}\n_quipu \"$@\"\n";
}

std::string fish_script(const CLI::App& app) {
  std::string out = "# fish completion of quipu; made by: quipu completion fish\n";
  for (const CLI::App* command : commands_of(app)) {
    const std::string name = command->get_name();
    const std::string seen = "'__fish_seen_subcommand_from " + name + "'";
    out += "complete -c quipu -f -n __fish_use_subcommand -a " + name + " -d " +
           in_quotes(command->get_description()) + "\n";
    const std::string own = own_words(app, *command);
    if (!own.empty()) out += "complete -c quipu -f -n " + seen + " -a '" + own + "'\n";
    for (const OptionHelp& option : options_of(*command)) {
      if (option.positional) continue;
      out += "complete -c quipu -n " + seen + " -l " + option.name.substr(2) +
             (option.takes_value ? " -r" : "") +
             (option.name == "--interval" ? std::string(" -f -a '") + kIntervals + "'" : "") +
             " -d " + in_quotes(option.description, "\n") + "\n";
    }
  }
  return out;
}

}  // namespace

std::optional<std::string> completion_script(const CLI::App& app, const std::string& shell) {
  if (shell == "bash") return bash_script(app);
  if (shell == "zsh") return zsh_script(app);
  if (shell == "fish") return fish_script(app);
  return std::nullopt;
}

}  // namespace quipu
