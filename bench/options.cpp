#include "bench/options.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace quipu::bench {
namespace {

// All of the text must be the number.
template <typename Number>
Number number(const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) throw std::invalid_argument(text);
  return value;
}

template <typename Value>
std::string text_of(const Value& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

}  // namespace

void OptionTable::add(const std::string& name, const std::string& help, uint64_t& value) {
  options_.push_back({name, help, text_of(value),
                      [&value](const std::string& text) { value = number<uint64_t>(text); }});
}
void OptionTable::add(const std::string& name, const std::string& help, unsigned& value) {
  options_.push_back({name, help, text_of(value),
                      [&value](const std::string& text) { value = number<unsigned>(text); }});
}
void OptionTable::add(const std::string& name, const std::string& help, int& value) {
  options_.push_back({name, help, text_of(value),
                      [&value](const std::string& text) { value = number<int>(text); }});
}
void OptionTable::add(const std::string& name, const std::string& help, double& value) {
  options_.push_back({name, help, text_of(value),
                      [&value](const std::string& text) { value = number<double>(text); }});
}
void OptionTable::add(const std::string& name, const std::string& help, std::string& value) {
  options_.push_back({name, help, value, [&value](const std::string& text) { value = text; }});
}

void OptionTable::add(const std::string& name, const std::string& help, std::vector<int>& value) {
  std::string text;
  for (int n : value) text += (text.empty() ? "" : ",") + std::to_string(n);
  options_.push_back({name, help, text, [&value](const std::string& list) {
                        value.clear();
                        for (size_t at = 0; at <= list.size();) {
                          const size_t comma = std::min(list.find(',', at), list.size());
                          value.push_back(number<int>(list.substr(at, comma - at)));
                          at = comma + 1;
                        }
                      }});
}

void OptionTable::add_mib(const std::string& name, const std::string& help, uint64_t& bytes) {
  options_.push_back({name, help, text_of(bytes >> 20),
                      [&bytes](const std::string& text) { bytes = number<uint64_t>(text) << 20; }});
}

std::string OptionTable::usage() const {
  std::string text = "usage: " + program_ + " [options]\n" + what_ + "\n";
  for (const Option& o : options_) {
    text += "  " + o.name + std::string(o.name.size() < 20 ? 20 - o.name.size() : 1, ' ') + o.help;
    if (!o.value_text.empty()) text += " (" + o.value_text + ")";
    text += "\n";
  }
  return text;
}

void OptionTable::read(int argc, char** argv) const {
  auto refuse = [&](const std::string& why) {
    std::fprintf(stderr, "%s: %s\n%s", program_.c_str(), why.c_str(), usage().c_str());
    std::exit(2);
  };
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--help" || name == "-h") {
      std::fputs(usage().c_str(), stdout);
      std::exit(0);
    }
    const auto option = std::find_if(options_.begin(), options_.end(),
                                     [&](const Option& o) { return o.name == name; });
    if (option == options_.end()) refuse("unknown option " + name);
    if (i + 1 == argc) refuse(name + " needs a value");
    try {
      option->set(argv[i + 1]);
    } catch (const std::logic_error&) {
      refuse(name + " does not take " + argv[i + 1]);
    }
  }
}

}  // namespace quipu::bench
