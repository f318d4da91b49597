#include "engine/first_lines.h"

#include "event/decode.h"

namespace quipu {

SourceOptions source_options_of(const Plan& plan) {
  SourceOptions options;
  options.header = plan.input.has_header();
  options.max_line_bytes = kMaxLineBytes;
  options.records.json = !plan.input.delimited;
  if (plan.input.delimited && !plan.input.combined_log) {
    options.records.quote = plan.input.quote;
    options.records.delimiter = plan.input.delimiter;
    options.records.whitespace = plan.input.whitespace;
  }
  return options;
}

class CheckedSource : public Source {
 public:
  CheckedSource(FirstLines& first, std::unique_ptr<Source> source)
      : first_(first), source_(std::move(source)), position_(source_->position()) {}

  Result<Block> next() override {
    if (!known_) QUIPU_TRY(look());
    if (held_.empty()) {
      auto block = source_->next();
      position_ = source_->position();
      return block;
    }
    Block block = std::move(held_.front().first);
    position_ = held_.front().second;
    held_.pop_front();
    return block;
  }
  SourcePosition position() const override { return position_; }
  Unfinished unfinished() const override { return source_->unfinished(); }
  const std::string& header() const override { return source_->header(); }
  const std::string& name() const override { return source_->name(); }
  uint64_t lines_again() const override { return source_->lines_again(); }
  uint64_t bytes_read() const override { return source_->bytes_read(); }
  uint64_t bytes_total() const override { return source_->bytes_total(); }

 private:
  // Holds blocks back until a line is good, all of the first ones are not, or the input ends.
  Status look() {
    QUIPU_TRY(first_.use_header(*source_));
    size_t lines = 0;
    uint64_t first_line = 0;
    LineOutcome first;
    std::string text;
    while (lines < kFirstLines) {
      QUIPU_ASSIGN(auto block, source_->next());
      held_.emplace_back(std::move(block), source_->position());
      const Block& held = held_.back().first;
      if (held.text.empty()) break;
      for (BlockRecords records(held); lines < kFirstLines && records.next();) {
        LineOutcome outcome;
        outcome.kind = LineOutcome::Kind::set_aside;
        outcome.reason = Reason::line_too_long;
        if (!held.truncated_line) outcome = first_.check_->check(records.text());
        if (outcome.kind == LineOutcome::Kind::blank) continue;
        known_ = outcome.kind != LineOutcome::Kind::set_aside;
        if (known_) return {};
        if (lines++ > 0) continue;
        first = outcome;
        first_line = records.line();
        text = records.text();
      }
    }
    known_ = true;
    if (lines == 0) return {};
    held_.clear();
    return first_.refusal(name(), lines, first_line, first, text);
  }

  FirstLines& first_;
  const std::unique_ptr<Source> source_;
  bool known_ = false;
  std::deque<std::pair<Block, SourcePosition>> held_;
  SourcePosition position_;
};

Result<std::unique_ptr<FirstLines>> FirstLines::open(const Plan& plan,
                                                     const std::string& zoneinfo_dir) {
  QUIPU_ASSIGN(auto check, LineCheck::open(plan, zoneinfo_dir));
  return std::unique_ptr<FirstLines>(new FirstLines(std::move(check)));
}

std::unique_ptr<Source> FirstLines::checked(std::unique_ptr<Source> source) {
  if (source->position().bytes > 0) return source;
  return std::make_unique<CheckedSource>(*this, std::move(source));
}

Status FirstLines::use_header(const Source& source) {
  Status status = check_->set_header(source.header());
  if (!status.ok()) return Error{source.name() + ": " + status.error().message};
  return {};
}

Error FirstLines::refusal(const std::string& name, size_t lines, uint64_t line,
                          const LineOutcome& first, const std::string& text) const {
  const std::string what =
      lines == 1 ? "its only line" : "each of its first " + std::to_string(lines) + " lines";
  return Error{name + ": " + what + " would be set aside; line " + std::to_string(line) + ": " +
               std::string(reason_name(first.reason)) +
               (first.detail.empty() ? "" : ": " + first.detail) + advice(name, first, text) +
               "; to set them aside and go on: --anyway"};
}

std::string FirstLines::advice(const std::string& name, const LineOutcome& first,
                               const std::string& text) const {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  const char sign = begin == std::string::npos ? '\0' : text[begin];
  if (check_->plan().input.delimited)
    return sign == '{' ? "; is it JSON? Then drop `input` from the plan" : "";
  if (first.reason != Reason::not_json) return "";
  if (sign == '[')
    return "; is it a JSON array? One object a line is made of it by: jq -c '.[]' " + name;
  if (sign == '{')
    return "; does an object go over several lines? One line is made of each by: jq -c . " + name;
  return "; an event is a JSON object on a line, unless the plan has `input: {format: delimited}`";
}

}  // namespace quipu
