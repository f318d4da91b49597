#include "engine/dead_letter_reader.h"

#include <simdjson.h>

namespace quipu {

struct DeadLetterReader::Parser {
  simdjson::dom::parser json;
};

DeadLetterReader::DeadLetterReader() = default;
DeadLetterReader::DeadLetterReader(DeadLetterReader&&) noexcept = default;
DeadLetterReader::~DeadLetterReader() = default;

Result<DeadLetterReader> DeadLetterReader::open(const std::string& path, uint64_t begin,
                                                uint64_t end) {
  DeadLetterReader reader;
  reader.path_ = path;
  reader.at_ = begin;
  reader.end_ = end;
  reader.parser_ = std::make_unique<Parser>();
  if (begin >= end) return reader;
  reader.file_.open(path, std::ios::binary);
  reader.file_.seekg(std::streamoff(begin));
  if (!reader.file_) return Error{path + ": cannot be read"};
  return reader;
}

Result<std::optional<DeadLetter>> DeadLetterReader::next() {
  if (at_ >= end_) return std::optional<DeadLetter>();
  DeadLetter letter;
  if (!std::getline(file_, letter.entry))
    return Error{path_ + ": ends at byte " + std::to_string(at_) + ", before what is committed"};
  simdjson::dom::element parsed;
  std::string_view source, reason, detail, text;
  const bool good = parser_->json.parse(letter.entry).get(parsed) == simdjson::SUCCESS &&
                    parsed["source"].get(source) == simdjson::SUCCESS &&
                    parsed["reason"].get(reason) == simdjson::SUCCESS &&
                    parsed["detail"].get(detail) == simdjson::SUCCESS &&
                    parsed["line"].get(letter.line) == simdjson::SUCCESS &&
                    parsed["offset"].get(letter.offset) == simdjson::SUCCESS;
  if (!good)
    return Error{path_ + ": the entry at byte " + std::to_string(at_) +
                 " is damaged; restore the file from a backup"};
  letter.source = source;
  letter.reason = reason;
  letter.detail = detail;
  bool cut = false;
  if (parsed["cut"].get(cut) != simdjson::SUCCESS) cut = false;
  letter.whole = !cut && parsed["text"].get(text) == simdjson::SUCCESS;
  if (letter.whole) letter.text = text;
  at_ += letter.entry.size() + 1;
  return std::optional<DeadLetter>(std::move(letter));
}

}  // namespace quipu
