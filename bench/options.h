// The command line of a program of this folder: options with a value each, into variables that hold
// the defaults.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace quipu::bench {

class OptionTable {
 public:
  OptionTable(std::string program, std::string what)
      : program_(std::move(program)), what_(std::move(what)) {}

  // The variable must live until read(). A text's help names its value.
  void add(const std::string& name, const std::string& help, uint64_t& value);
  void add(const std::string& name, const std::string& help, unsigned& value);
  void add(const std::string& name, const std::string& help, int& value);
  void add(const std::string& name, const std::string& help, double& value);
  void add(const std::string& name, const std::string& help, std::string& value);
  void add(const std::string& name, const std::string& help, std::vector<int>& value);  // "10,100"
  void add_mib(const std::string& name, const std::string& help, uint64_t& bytes);

  // Ends the process: with 0 after --help, with 2 and a message after an error.
  void read(int argc, char** argv) const;

 private:
  struct Option {
    std::string name, help, value_text;
    std::function<void(const std::string&)> set;  // throws std::logic_error if the text is none
  };
  std::string usage() const;

  std::string program_, what_;
  std::vector<Option> options_;
};

}  // namespace quipu::bench
