// Where records end in text, found as it is read. A record is a line; where fields may be quoted,
// line breaks within quotes belong to it. One thread.
//
// A quote opens a field at a record's begin or behind a delimiter. The record's closing quote must
// lie in the first max_bytes of it; if it does not (or nothing follows), the record ends with the
// line that opened the quote, and the next one begins behind it: so one stray quote spoils one
// line, not a file. A record's end depends on its own bytes alone, wherever blocks are cut.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "source/source.h"

namespace quipu {

class RecordScanner {
 public:
  RecordScanner(const RecordFormat& format, size_t max_bytes)
      : format_(format), max_bytes_(max_bytes) {}

  // Text from a record's begin on: what was scanned since restart(), and more. `last`: nothing
  // follows it.
  void scan(std::string_view text, bool last);
  void restart();

  size_t whole() const { return whole_; }  // bytes of the records that have ended
  // Those of them that hold line breaks.
  const std::vector<RecordSpan>& over_lines() const { return over_lines_; }
  size_t first_end(std::string_view text) const;  // of the first record; 0: it has not ended
  bool in_quotes() const { return in_quotes_; }   // where the text ends

 private:
  void scan_outside(std::string_view text);
  void scan_quoted(std::string_view text, bool last);
  bool opens(std::string_view text, size_t quote) const;
  void end_record(size_t end);

  const RecordFormat format_;
  const size_t max_bytes_;
  size_t at_ = 0;     // scanned so far
  size_t whole_ = 0;  // where the record at hand begins
  bool over_lines_now_ = false;
  bool in_quotes_ = false;
  size_t opened_at_ = 0;   // the opening quote
  size_t next_quote_ = 0;  // none lies between at_ and there
  std::vector<RecordSpan> over_lines_;
};

// Whether text is a JSON object that is closed at its end (blanks may follow): whatever came behind
// it could not make another record of it.
bool is_closed_object(std::string_view text);

}  // namespace quipu
