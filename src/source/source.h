// Replayable inputs: files (plain, gzip, zstd; by content, not by name) and spooled standard input,
// read as blocks of whole records. UTF-8, its byte order mark is read over; lines end with LF, CR
// LF, or, where the first line ends with CR alone, with CR. What is no such text is refused. A
// source belongs to the reader's thread. Positions count decompressed bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "base/stop_flag.h"

namespace quipu {

inline constexpr size_t kFingerprintBytes = 64 << 10;
inline constexpr size_t kBlockBytes = 256 << 10;  // aimed at; a longer line makes a longer block
inline constexpr size_t kBlockPadding = 64;       // readable bytes behind a block's last line

// How far a source was taken, and how its committed part is known again: by the hashes of its first
// and last 64 KiB (or all, if shorter), decompressed, and of its beginnings (beginnings.h).
struct SourcePosition {
  std::string path;        // canonical path, or "-NAME" for standard input
  uint64_t bytes = 0;      // decompressed bytes committed
  uint64_t lines = 0;      // lines committed, header and blank ones included
  Hash128 first, last;     // fingerprints; zero while bytes == 0
  bool open_line = false;  // the committed part ends in a line without newline
  bool finished = false;   // the input's end was reached
  uint64_t content = 0;    // which content it is of (known_inputs.h); 0: of none, but of a feed
  uint64_t round = 0;      // of --again in which its content was begun from its start; 0: none
  std::vector<Hash128> beginnings;
};
void encode_position(const SourcePosition& position, std::string& out);
Result<SourcePosition> decode_position(std::string_view bytes);

// How records stand in text: a record is a line, but line breaks within quoted fields belong to it.
struct RecordFormat {
  bool json = true;         // a last line that is a closed object is whole without a newline
  char quote = '\0';        // of fields that may hold line breaks; '\0': none may
  char delimiter = ',';     // between fields
  bool whitespace = false;  // runs of blanks and tabs are
};

// What a line's event may come to; blocks are cut by it.
class LineWeigher {
 public:
  virtual ~LineWeigher() = default;
  virtual uint64_t of_line(std::string_view line) const = 0;
  virtual uint64_t of_text(std::string_view lines) const = 0;  // quick: as much, or more
};

struct RecordSpan {
  uint32_t begin, end;  // within Block::text
};

// A record that has a number of its own where it comes from, which its dead letter tells as line
// and offset (Kafka's offset). Several events of one record have one number.
struct NumberedRecord {
  uint32_t begin, end;  // within Block::text, without a newline behind it
  uint64_t number;
};

struct Block {
  std::shared_ptr<std::vector<char>> buffer;  // owns the bytes
  std::string_view text;  // whole records, the last one perhaps without newline at the input's end
  std::vector<RecordSpan> over_lines;  // the records in it that hold line breaks, in order
  // If there are any, these are the block's records, and lines are of no matter. A newline stands
  // behind each.
  std::vector<NumberedRecord> numbered;
  uint64_t first_line = 0;  // number of the first line, from 1
  uint64_t offset = 0;      // of text within the input, decompressed
  uint64_t weight = 0;      // of its records, if there is a LineWeigher
  // text is the head of one record longer than the limit (the rest was skipped)
  bool truncated_line = false;
};

// The records of a block, one after the other. The block outlives it.
class BlockRecords {
 public:
  explicit BlockRecords(const Block& block)
      : block_(block), line_(block.first_line), offset_(block.offset) {}
  bool next();  // false: there is no further one
  // Of the record at hand:
  std::string_view text() const { return text_; }  // without the newline behind it
  uint64_t line() const { return line_; }          // the number of its first line
  uint64_t offset() const { return offset_; }      // within the input

 private:
  const Block& block_;
  uint64_t line_, offset_;
  size_t next_ = 0;  // in the text, or of the numbered records
  size_t over_lines_ = 0;
  uint64_t lines_ = 0;  // of the record at hand
  std::string_view text_;
};

// What stands at an input's end and may not be whole yet: it is left for the next run.
struct Unfinished {
  uint64_t bytes = 0;       // 0: nothing
  uint64_t line = 0;        // number of its first line
  bool open_quote = false;  // it begins with a quoted field that is not closed
};

struct SourceOptions {
  // The first line that is not blank names the columns: not given in blocks, see header().
  bool header = false;
  RecordFormat records;
  // The input will not grow: its end ends the last record, too. (That of a compressed input always
  // does.) Otherwise the last line, if it has no newline, is left, unless it is a closed object.
  bool complete = true;
  // --again: count new content under a known path, or known content, from its start; but what was
  // begun and not finished goes on, and so does what was begun in `again_round` (unless 0), so that
  // the same command does after a crash.
  bool again = false;
  uint64_t again_round = 0;
  // --moved: known content under another path is the same input: go on there. Together with
  // `again`: known content goes on wherever it is, and what is not known is begun.
  bool moved = false;
  // Set: waiting for standard input, and passing over what is known, end with an error.
  const StopFlag* stop = nullptr;
  size_t max_line_bytes = 1 << 20;
  size_t block_bytes = kBlockBytes;
  // A block's lines weigh so much together, or it is one line. The weigher outlives the source.
  const LineWeigher* weigher = nullptr;
  uint64_t block_weight = 0;
};

class Source {
 public:
  virtual ~Source() = default;
  // The next block; an empty text at the end of the input. After an error (a damaged file: it names
  // file and place) the blocks given before are good, and nothing more comes. Standard input gives
  // what there is rather than wait for a full block, and waits for more than that.
  virtual Result<Block> next() = 0;
  virtual SourcePosition position() const = 0;  // after the blocks given so far
  virtual Unfinished unfinished() const = 0;    // once its end was reached
  virtual const std::string& header() const = 0;
  virtual const std::string& name() const = 0;  // as given, for messages and dead letters
  // How many lines of what it gives from where it was opened were counted before.
  virtual uint64_t lines_again() const = 0;
  // Compressed bytes read and in all (0 if unknown), for progress.
  virtual uint64_t bytes_read() const = 0;
  virtual uint64_t bytes_total() const = 0;
};

class KnownInputs;
class RawInput;

// Opens a file where what is known of its content says. Errors (with what to do): no such file; no
// regular file; no text, or text in UTF-16; another content under a known path (--again); known
// content under another path (--moved); content that begins as known content and goes on otherwise;
// a last line that turned out longer. docs/decisions.md says what is taken for known.
Result<std::unique_ptr<Source>> open_file(const std::string& path, KnownInputs& known,
                                          const SourceOptions& options);

// The same for a file that is open already, under its canonical path.
Result<std::unique_ptr<Source>> open_bytes(std::shared_ptr<RawInput> bytes, const std::string& path,
                                           const std::string& name, KnownInputs& known,
                                           const SourceOptions& options);

// Standard input under a name: compared with the spool of that name in `spool_folder`, an equal
// prefix is skipped, what is new is appended to the spool, flushed and synced before it is given
// out. What differs from the spool is an error (with --again it takes the place of what was
// spooled). Then like a file. As long as it begins as known content does, it is waited for more.
Result<std::unique_ptr<Source>> open_standard_input(int fd, const std::string& name,
                                                    const std::string& spool_folder,
                                                    KnownInputs& known,
                                                    const SourceOptions& options);

// The same where the contents of these positions are known, each one of its own, and nothing else.
Result<std::unique_ptr<Source>> open_file(const std::string& path,
                                          const std::vector<SourcePosition>& known,
                                          const SourceOptions& options);
Result<std::unique_ptr<Source>> open_standard_input(int fd, const std::string& name,
                                                    const std::string& spool_folder,
                                                    const std::vector<SourcePosition>& known,
                                                    const SourceOptions& options);

}  // namespace quipu
