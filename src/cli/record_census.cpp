#include "cli/record_census.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "tally/record_format.h"

namespace quipu {
namespace {

constexpr size_t kRecordPrefixBytes =
    2 + 4 + 16;  // month, tenant, profile: chunks of one record follow each other

constexpr uint64_t kRowsBetweenLooks = 1024;  // for whether anybody waits

}  // namespace

Result<RecordCensus> count_records(const Store& store, const std::function<bool()>& gone) {
  RecordCensus census;
  Status inner;
  uint64_t rows = 0;
  std::string record;  // prefix of the record being counted
  double words = 0;    // its words so far
  auto end_record = [&] {
    census.expected_wrong += words * std::max(0.0, words - 1) / 2 * std::ldexp(1.0, -64);
    words = 0;
  };
  Status outer = store.scan_records([&](std::string_view key, std::string_view value) {
    if (++rows % kRowsBetweenLooks == 0 && gone()) {
      inner = Error{"nobody waits for the answer any more"};
      return false;
    }
    if (key.size() < kRecordPrefixBytes) {
      inner = Error{"a record has a broken key: the store's files are damaged; restore a backup"};
      return false;
    }
    const bool forever = uint8_t(key[0]) == 0xFF && uint8_t(key[1]) == 0xFF;
    if (key.substr(0, kRecordPrefixBytes) != record) {
      end_record();
      record = std::string(key.substr(0, kRecordPrefixBytes));
      ++(forever ? census.forever : census.months);
    }
    RecordReader reader(value, store.element_codes());
    while (true) {
      const RecordReader::Item item = reader.next();
      if (item == RecordReader::Item::end) return true;
      if (item == RecordReader::Item::corrupt) {
        inner =
            Error{std::string("a record is damaged (") + reader.problem() + "): restore a backup"};
        return false;
      }
      if (item == RecordReader::Item::row) ++(forever ? census.forever_rows : census.rows);
      if (item == RecordReader::Item::word || item == RecordReader::Item::slot_word) {
        ++(forever ? census.forever_words : census.month_words);
        ++words;
      }
    }
  });
  QUIPU_TRY(outer);
  QUIPU_TRY(inner);
  end_record();
  return census;
}

}  // namespace quipu
