// Manual pages: troff, macros of man(7).
#include <CLI/CLI.hpp>

#include "cli/command_help.h"
#include "cli/command_options.h"

namespace quipu {
namespace {

// A text as troff prints it: - and \ are characters of a command line, no line is a request.
std::string troff(const std::string& text) {
  std::string out;
  bool begins = true;
  for (char c : text) {
    if (begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    begins = c == '\n';
  }
  return out;
}

// Lines as they stand.
std::string as_written(const std::string& text) { return ".nf\n" + troff(text) + "\n.fi\n"; }

std::string synopsis(const std::string& name, const CLI::App& command) {
  std::string text = ".B " + troff(name) + "\n";
  bool options = false;
  for (const OptionHelp& option : options_of(command)) {
    if (!option.positional) {
      options = true;
      continue;
    }
    const std::string many = option.many ? "..." : "";
    text += option.required ? troff(option.name) + many + "\n"
                            : "[" + troff(option.name) + many + "]\n";
  }
  return text + (options ? "[\\fIoptions\\fR]\n" : "");
}

std::string options_text(const CLI::App& command) {
  std::string text;
  for (const OptionHelp& option : options_of(command)) {
    text += ".TP\n\\fB" + troff(option.name) + "\\fR" +
            (option.takes_value && !option.positional ? " \\fIVALUE\\fR" : "") + "\n" +
            troff(option.description) + "\n";
  }
  return text;
}

std::string section(const std::string& title, const std::string& text) {
  return text.empty() ? "" : ".SH " + title + "\n" + text;
}

std::string page_of_command(const CLI::App& command) {
  const std::string& name = command.get_name();
  std::string text =
      section("NAME", "quipu\\-" + name + " \\- " + troff(command.get_description()) + "\n");
  std::string usage, options = options_text(command), parts;
  for (const CLI::App* part : commands_of(command)) {
    usage +=
        (usage.empty() ? "" : ".br\n") + synopsis("quipu " + name + " " + part->get_name(), *part);
    parts += ".SS " + part->get_name() + "\n" + troff(part->get_description()) + "\n" +
             options_text(*part);
  }
  text += section("SYNOPSIS", usage.empty() ? synopsis("quipu " + name, command) : usage);
  text += section("OPTIONS", options + parts);
  const std::string footer = command.get_footer();
  if (!footer.empty()) text += section("NOTES", as_written(footer));
  return text + section("SEE ALSO", ".BR quipu (1)\n");
}

std::string page_of_program(const CLI::App& app) {
  std::string commands, others;
  for (const CLI::App* command : commands_of(app)) {
    commands +=
        ".TP\n\\fB" + command->get_name() + "\\fR\n" + troff(command->get_description()) + "\n";
    others +=
        (others.empty() ? "" : ",\n") + std::string(".BR quipu\\-") + command->get_name() + " (1)";
  }
  return section("NAME", "quipu \\- count event streams exactly\n") +
         section("SYNOPSIS", ".B quipu\n\\fICOMMAND\\fR [\\fIoptions\\fR]\n") +
         section("DESCRIPTION", as_written(app.get_description())) + section("COMMANDS", commands) +
         section("EXIT STATUS AND ENVIRONMENT", as_written(app.get_footer())) +
         section("SEE ALSO", others + "\n");
}

}  // namespace

std::string manual_page(const CLI::App& app, const CLI::App* command) {
  std::string title = command ? "quipu-" + command->get_name() : "quipu";
  for (char& c : title) c = c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c;
  return ".TH " + troff(title) + " 1 \"\" \"" + version_text() + "\"\n" +
         (command ? page_of_command(*command) : page_of_program(app));
}

}  // namespace quipu
