#include "engine/dead_letter_feed.h"

#include <algorithm>
#include <cstring>

#include "engine/dead_letter_reader.h"

namespace quipu {
namespace {

class DeadLetterSource : public Source {
 public:
  DeadLetterSource(DeadLetterReader reader, SourcePosition position, uint64_t end,
                   const SourceOptions& options)
      : reader_(std::move(reader)),
        position_(std::move(position)),
        begin_(position_.bytes),
        end_(end),
        options_(options) {}

  Result<Block> next() override;
  SourcePosition position() const override { return position_; }
  Unfinished unfinished() const override { return {}; }
  const std::string& header() const override { return header_; }
  const std::string& name() const override { return name_; }
  uint64_t lines_again() const override { return 0; }
  uint64_t bytes_read() const override { return position_.bytes - begin_; }
  uint64_t bytes_total() const override { return end_ > begin_ ? end_ - begin_ : 0; }
  uint64_t passed_over() const { return passed_over_; }

 private:
  DeadLetterReader reader_;
  SourcePosition position_;
  const uint64_t begin_, end_;
  const SourceOptions options_;
  std::optional<DeadLetter> ahead_;  // read, not given
  uint64_t passed_over_ = 0;
  const std::string header_, name_ = "dead letters";
};

// A letter a record; as many as come to a block's bytes and weight.
Result<Block> DeadLetterSource::next() {
  Block block;
  block.buffer = std::make_shared<std::vector<char>>();
  std::vector<char>& bytes = *block.buffer;
  while (bytes.size() < options_.block_bytes) {
    if (options_.stop && options_.stop->is_set()) return Error{"stopped"};
    if (!ahead_) {
      QUIPU_ASSIGN(ahead_, reader_.next());
    }
    if (!ahead_) break;
    const std::string& text = ahead_->text;
    if (ahead_->whole) {
      const uint64_t weight = options_.weigher ? options_.weigher->of_line(text) : 0;
      if (!bytes.empty() && block.weight + weight > options_.block_weight) break;
      const uint32_t begin = uint32_t(bytes.size());
      bytes.insert(bytes.end(), text.begin(), text.end());
      block.numbered.push_back({begin, uint32_t(bytes.size()), position_.lines + 1});
      bytes.push_back('\n');
      block.weight += weight;
    } else {
      ++passed_over_;
    }
    position_.bytes = reader_.at();
    ++position_.lines;
    ahead_.reset();
  }
  const size_t size = bytes.size();
  bytes.resize(size + kBlockPadding);
  block.text = std::string_view(bytes.data(), size);
  return block;
}

}  // namespace

DeadLetterFeed::DeadLetterFeed(std::string path, uint64_t end, bool ends_by_itself,
                               FeedPositions positions, SourceOptions source_options)
    : path_(std::move(path)),
      end_(end),
      ends_by_itself_(ends_by_itself),
      positions_(std::move(positions)),
      source_options_(source_options) {}

Result<std::unique_ptr<Source>> DeadLetterFeed::open_next(bool, const StopFlag& stop) {
  if (opened_) return std::unique_ptr<Source>();
  opened_ = true;
  QUIPU_ASSIGN(const auto known, positions_(kDeadLetterKey));
  SourcePosition position = known.value_or(SourcePosition{});
  position.path = kDeadLetterKey;
  QUIPU_ASSIGN(auto reader, DeadLetterReader::open(path_, position.bytes, end_));
  SourceOptions options = source_options_;
  options.stop = &stop;
  return std::unique_ptr<Source>(
      new DeadLetterSource(std::move(reader), std::move(position), end_, options));
}

Result<InputRows> DeadLetterFeed::rows_behind(const SourcePosition& position) {
  InputRows rows;
  KnownInputs::note_feed(position, rows);
  return rows;
}

std::string DeadLetterFeed::said_of_end(const Source& source, bool) {
  const uint64_t passed = static_cast<const DeadLetterSource&>(source).passed_over();
  if (passed == 0) return "";
  return std::to_string(passed) + (passed == 1 ? " line was" : " lines were") +
         " passed over: longer than the file keeps, or no UTF-8; their sources have them";
}

}  // namespace quipu
