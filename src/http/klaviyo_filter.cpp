#include "http/klaviyo_filter.h"

namespace quipu {
namespace {

class FilterReader {
 public:
  FilterReader(std::string_view text, std::vector<KlaviyoCondition>& out)
      : text_(text), out_(out) {}

  Status read_all() {
    while (true) {
      QUIPU_TRY(read_call(false, 0));
      blanks();
      if (at_ == text_.size()) return {};
      if (!take(',')) return wrong("a comma, or the end");
    }
  }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  void blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  bool take(char c) {
    blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Error wrong(const char* expected) const {
    return Error{"the filter " + std::string(text_) + ": at character " + std::to_string(at_ + 1) +
                 " there should be " + expected};
  }

  Status read_call(bool negated, size_t depth) {
    if (depth > kMaxFilterDepth || out_.size() >= kMaxFilterCalls)
      return Error{"the filter has too many conditions, or too many within each other"};
    blanks();
    const size_t begin = at_;
    while (at_ < text_.size() && ((text_[at_] >= 'a' && text_[at_] <= 'z') || text_[at_] == '-'))
      ++at_;
    const std::string call(text_.substr(begin, at_ - begin));
    if (call.empty() || !take('(')) return wrong("a call such as equals(");
    if (call == "or") return Error{"or() is not answered: ask for each part"};
    if (call == "not" || call == "and") {
      do {
        if (call == "and" && negated) return Error{"not(and()) is not answered"};
        QUIPU_TRY(read_call(negated != (call == "not"), depth + 1));
      } while (call == "and" && take(','));
      return take(')') ? Status() : wrong(")");
    }
    KlaviyoCondition condition{call, negated, {}, {}};
    QUIPU_TRY(read_text(condition.field, ",)"));
    while (take(',')) {
      if (!take('[')) {
        QUIPU_TRY(read_text(condition.values.emplace_back(), ",)"));
        continue;
      }
      if (take(']')) continue;
      do {
        QUIPU_TRY(read_text(condition.values.emplace_back(), ",]"));
      } while (take(','));
      if (!take(']')) return wrong("]");
    }
    if (!take(')')) return wrong(")");
    out_.push_back(std::move(condition));
    return {};
  }

  // In quotes, with backslashes before quotes and backslashes; or bare up to one of `ends`.
  Status read_text(std::string& text, std::string_view ends) {
    blanks();
    if (at_ == text_.size()) return wrong("a text");
    const char quote = text_[at_];
    if (quote == '"' || quote == '\'') {
      for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
        text += text_[at_];
      }
      return take(quote) ? Status() : wrong("the end of a text in quotes");
    }
    while (at_ < text_.size() && ends.find(text_[at_]) == std::string_view::npos &&
           text_[at_] != '(' && text_[at_] != '[')
      text += text_[at_++];
    while (!text.empty() && is_blank(text.back())) text.pop_back();
    return text.empty() ? Status(wrong("a text")) : Status();
  }

  const std::string_view text_;
  std::vector<KlaviyoCondition>& out_;
  size_t at_ = 0;
};

}  // namespace

Status read_klaviyo_filter(std::string_view text, std::vector<KlaviyoCondition>& conditions) {
  return FilterReader(text, conditions).read_all();
}

}  // namespace quipu
