#include "source/read_beginning.h"

#include <algorithm>
#include <string_view>

#include "source/recognise.h"
#include "source/record_scanner.h"

namespace quipu {
namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kHeadBytes = 512;  // by which is told what is no text
constexpr char kBlanks[] = " \t\r\n\v\f";

}  // namespace

Result<InputBeginning> read_beginning(ByteStream& stream, const std::string& name,
                                      const SourceOptions& options) {
  InputBeginning out;
  std::string ahead;
  const auto more = [&]() -> Result<bool> {
    const size_t have = ahead.size();
    const size_t most = std::min(kReadBytes, std::max<size_t>(options.block_bytes, 1));
    ahead.resize(have + most);
    auto got = stream.read(ahead.data() + have, most);
    ahead.resize(have + (got.ok() ? *got : 0));
    if (!got.ok()) return got.error();
    return *got > 0;
  };
  bool ended = false;
  while (!ended && ahead.size() < kHeadBytes && ahead.find('\n') == std::string::npos) {
    auto got = more();
    if (!got.ok() && options.header) return got.error();
    if (!got.ok()) break;  // it is met again
    ended = !*got;
  }
  QUIPU_TRY(check_is_text(ahead, name));
  if (ahead.starts_with(kByteOrderMark)) out.bytes = kByteOrderMark.size();
  RecordScanner scanner(options.records, options.max_line_bytes);
  const bool complete = options.complete || stream.has_own_end();
  while (options.header) {
    std::string_view rest = std::string_view(ahead).substr(out.bytes);
    const size_t first = std::min(rest.find_first_not_of(kBlanks), rest.size());
    if (const size_t blank = rest.substr(0, first).rfind('\n'); blank != std::string_view::npos) {
      out.bytes += blank + 1;
      out.lines += uint64_t(std::count(rest.begin(), rest.begin() + long(blank) + 1, '\n'));
      rest.remove_prefix(blank + 1);
    }
    scanner.restart();
    scanner.scan(rest, ended && complete);
    size_t end = scanner.first_end(rest);
    if ((end == 0 ? rest.size() : end - 1) > options.max_line_bytes) {
      return Error{name + ": its header line is longer than " +
                   std::to_string(options.max_line_bytes) + " bytes; is it a delimited file?"};
    }
    if (end == 0 && !ended) {
      QUIPU_ASSIGN(auto got, more());
      ended = !got;
      continue;
    }
    if (end == 0 && complete) end = rest.size();
    if (end == 0) break;
    std::string_view text = rest.substr(0, end);
    out.bytes += end;
    out.lines += uint64_t(std::count(text.begin(), text.end(), '\n')) + (text.back() != '\n');
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
    out.header = text;
    break;
  }
  return out;
}

}  // namespace quipu
