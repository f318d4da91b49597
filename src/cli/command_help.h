// What the program says of its own commands: `help`, `version`, `completion` and `man`, which need
// neither store nor plan, and the messages for a command line that is not understood. All of it is
// made from the descriptions that the commands are parsed by, so it cannot differ from them. One
// thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace quipu {

// "quipu 0.1.0"
std::string version_text();

// Lists the commands that are answered here. Call it behind all others.
void add_help_commands(CLI::App& app);
// The answer to one of them; none if the command line is of another.
std::optional<ParsedArguments> answer_help(CLI::App& app, const std::vector<std::string>& args);

// What to tell of a command line that could not be parsed: near commands and options.
std::string usage_message(const CLI::App& app, const std::vector<std::string>& args,
                          const CLI::ParseError& error);

// A manual page in troff's man format: of the program, or of a command ("key add" has that of key).
std::string manual_page(const CLI::App& app, const CLI::App* command);
// A script that completes commands, options and file names; none for another shell.
std::optional<std::string> completion_script(const CLI::App& app, const std::string& shell);

}  // namespace quipu
