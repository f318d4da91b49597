#include "source/record_scanner.h"

#include <algorithm>

namespace quipu {
namespace {

constexpr size_t kNone = std::string_view::npos;

bool is_json_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

void RecordScanner::restart() {
  at_ = whole_ = next_quote_ = 0;
  over_lines_now_ = in_quotes_ = false;
  over_lines_.clear();
}

void RecordScanner::scan(std::string_view text, bool last) {
  if (format_.quote == '\0') {
    const size_t newline = text.rfind('\n');
    if (newline != kNone) whole_ = newline + 1;
    return;
  }
  for (size_t before = kNone; at_ != before && (at_ < text.size() || (last && in_quotes_));) {
    before = at_;
    if (in_quotes_)
      scan_quoted(text, last);
    else
      scan_outside(text);
  }
  if (last && over_lines_now_) {  // the last record, which no newline ends
    over_lines_.push_back({uint32_t(whole_), uint32_t(text.size())});
    over_lines_now_ = false;
  }
}

void RecordScanner::end_record(size_t end) {
  if (over_lines_now_) over_lines_.push_back({uint32_t(whole_), uint32_t(end)});
  over_lines_now_ = in_quotes_ = false;
  whole_ = at_ = end;
}

bool RecordScanner::opens(std::string_view text, size_t quote) const {
  if (quote == whole_) return true;
  const char before = text[quote - 1];
  return format_.whitespace ? before == ' ' || before == '\t' : before == format_.delimiter;
}

size_t RecordScanner::first_end(std::string_view text) const {
  if (whole_ == 0) return 0;
  if (!over_lines_.empty() && over_lines_[0].begin == 0) return over_lines_[0].end;
  return text.find('\n') + 1;
}

// To the next opening quote, or the record's end.
void RecordScanner::scan_outside(std::string_view text) {
  const size_t newline = std::min(text.find('\n', at_), text.size());
  while (true) {
    if (next_quote_ < at_ || next_quote_ >= text.size() || text[next_quote_] != format_.quote)
      next_quote_ = std::min(text.find(format_.quote, std::max(at_, next_quote_)), text.size());
    if (next_quote_ >= newline) break;
    at_ = next_quote_ + 1;
    if (!opens(text, next_quote_)) continue;
    in_quotes_ = true;
    opened_at_ = next_quote_;
    return;
  }
  if (newline < text.size())
    end_record(newline + 1);
  else
    at_ = text.size();
}

// To behind the closing quote; or gives it up.
void RecordScanner::scan_quoted(std::string_view text, bool last) {
  const size_t quote = text.find(format_.quote, at_);
  const size_t end = whole_ + max_bytes_;
  if (quote == kNone ? last || text.size() >= end : quote >= end) {
    const size_t newline = text.find('\n', opened_at_);
    in_quotes_ = false;
    if (newline == kNone)
      at_ = text.size();  // one line too long, or the last one
    else
      end_record(newline + 1);
  } else if (quote == kNone) {
    at_ = text.size();
  } else if (quote + 1 == text.size() && !last) {
    at_ = quote;  // may be one of two
  } else if (quote + 1 < text.size() && text[quote + 1] == format_.quote) {
    at_ = quote + 2;
  } else {
    over_lines_now_ |= text.substr(opened_at_, quote - opened_at_).find('\n') != kNone;
    in_quotes_ = false;
    at_ = quote + 1;
  }
}

bool is_closed_object(std::string_view text) {
  size_t at = 0, depth = 0;
  while (at < text.size() && is_json_blank(text[at])) ++at;
  if (at == text.size() || text[at] != '{') return false;
  for (bool in_text = false; at < text.size(); ++at) {
    const char c = text[at];
    if (in_text) {
      if (c == '\\') ++at;
      in_text = c != '"';
    } else if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      break;
    }
  }
  if (at >= text.size()) return false;
  return std::all_of(text.begin() + long(at) + 1, text.end(), is_json_blank);
}

}  // namespace quipu
