// The options of `query` and `export`, which say what is asked of a store. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/arguments.h"

namespace CLI {
class App;
}

namespace quipu {

// The texts of options that are read when the command line is parsed.
struct QuestionTexts {
  std::string metric, group, interval, versus;
  std::vector<std::string> where;
  int64_t limit = 0;
  bool limited = false, tenants = false, all_tenants = false;
};

// Adds the two commands. `a` and `texts` outlive the app; its callbacks write to them.
CLI::App* add_query_command(CLI::App& app, Arguments& a, QuestionTexts& texts);
CLI::App* add_export_command(CLI::App& app, Arguments& a, QuestionTexts& texts);

// Reads the texts into a.question. Errors are wrong arguments.
Status read_question(const QuestionTexts& texts, Arguments& a);

}  // namespace quipu
