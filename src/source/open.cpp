// Where to begin in an input: its content is compared with the committed positions, then a
// LineSource is opened at the right place.
#include <algorithm>
#include <filesystem>

#include "source/line_source.h"
#include "source/recognise.h"

namespace quipu {
namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kHeadBytes = 512;  // by which is told what is no text
constexpr char kBlanks[] = " \t\r\n\v\f";
// Two inputs may begin alike by chance. Less than this is taken for another input's content only if
// it is all there is.
constexpr uint64_t kSurePrefixBytes = 4 << 10;

struct Opened {
  std::unique_ptr<ByteStream> stream;
  Fingerprint taken;
};

struct Input {
  std::shared_ptr<RawInput> raw;
  std::string key;     // SourcePosition::path
  std::string name;    // for messages
  bool named = false;  // standard input: known by its name, whatever its content

  Result<Opened> open() const {
    auto stream = open_stream(raw, name);
    if (!stream.ok()) return stream.error();
    return Opened{std::move(*stream), {}};
  }
};

// Up to n bytes; fewer only at the end.
Result<std::string> read_up_to(ByteStream& stream, size_t n) {
  std::string bytes(n, '\0');
  size_t have = 0;
  while (have < n) {
    auto got = stream.read(bytes.data() + have, n - have);
    if (!got.ok()) return got.error();
    if (*got == 0) break;
    have += *got;
  }
  bytes.resize(have);
  return bytes;
}

// Takes bytes until `bytes` are taken; false if the input is shorter.
Result<bool> advance(Opened& at, uint64_t bytes) {
  const size_t window = size_t(std::min<uint64_t>(bytes, kFingerprintBytes));
  if (at.stream->seek(0)) {
    auto first = read_up_to(*at.stream, window);
    if (!first.ok()) return first.error();
    at.stream->seek(bytes - window);
    auto last = read_up_to(*at.stream, window);
    if (!last.ok()) return last.error();
    if (first->size() < window || last->size() < window) return false;
    at.taken.jump(bytes, *first, *last);
    return true;
  }
  std::string buffer(kReadBytes, '\0');
  while (at.taken.bytes() < bytes) {
    auto got = at.stream->read(buffer.data(),
                               size_t(std::min<uint64_t>(kReadBytes, bytes - at.taken.bytes())));
    if (!got.ok()) return got.error();
    if (*got == 0) return false;
    at.taken.add(std::string_view(buffer).substr(0, *got));
  }
  return true;
}

// An input's beginning: its byte order mark, and the line that names its columns.
struct Beginning {
  std::string text;    // the header, without its end of line; empty: there is none (yet)
  uint64_t bytes = 0;  // what it takes, the mark and blank lines before it included
  uint64_t lines = 0;
};

// Reads an input from its start as far as needed; what was read is in `ahead`.
Result<Beginning> read_beginning(ByteStream& stream, const std::string& name,
                                 const SourceOptions& options, std::string& ahead) {
  Beginning out;
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
      auto got = more();
      if (!got.ok()) return got.error();
      ended = !*got;
      continue;
    }
    if (end == 0 && complete) end = rest.size();
    if (end == 0) break;
    std::string_view text = rest.substr(0, end);
    out.bytes += end;
    out.lines += uint64_t(std::count(text.begin(), text.end(), '\n')) + (text.back() != '\n');
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
    out.text = text;
    break;
  }
  return out;
}

class Opener {
 public:
  Opener(Input input, const std::vector<SourcePosition>& known, const SourceOptions& options)
      : input_(std::move(input)), known_(known), options_(options) {}

  Result<std::unique_ptr<Source>> open() {
    const SourcePosition* own = nullptr;
    for (const SourcePosition& p : known_) {
      if (p.path == input_.key && p.bytes > 0) own = &p;
    }
    if (own != nullptr) return open_known(*own);
    // To compare, standard input would have to be waited for.
    if (input_.named && !options_.moved) return from_start();
    auto other = find_other();
    if (!other.ok()) return other.error();
    if (*other != nullptr && options_.moved) return resume_at(**other);
    if (*other != nullptr && !options_.again) return known_elsewhere(**other);
    return from_start();
  }

 private:
  Result<std::unique_ptr<Source>> open_known(const SourcePosition& own) {
    auto at = input_.open();
    if (!at.ok()) return at.error();
    auto reached = advance(*at, own.bytes);
    if (!reached.ok()) return reached.error();
    const bool same = *reached && at->taken.matches(own);
    // What `again` began and did not end goes on, so that the same command does after a crash.
    if (same && !(options_.again && own.finished)) return resume(std::move(*at), own);
    if (options_.again) return from_start();
    if (options_.moved) {
      auto other = find_other();
      if (!other.ok()) return other.error();
      if (*other != nullptr) return resume_at(**other);
    }
    const std::string counted =
        std::to_string(own.lines) + " lines (" + std::to_string(own.bytes) + " bytes)";
    return Error{input_.name + ": " +
                 (*reached
                      ? "its content is not what it was when " + counted + " of it were counted"
                      : "is shorter than when " + counted + " of it were counted") +
                 "; if this is a new input under an old name, count it with --again"};
  }

  // Another input's position that this content agrees with; of several the furthest.
  Result<const SourcePosition*> find_other() {
    std::vector<const SourcePosition*> candidates;
    auto at = input_.open();
    if (!at.ok()) return at.error();
    std::string head;
    bool have_head = false;
    for (const SourcePosition& p : known_) {
      if (p.path == input_.key || p.bytes == 0) continue;
      if (!have_head) {
        auto read = read_up_to(*at->stream, kFingerprintBytes);
        if (!read.ok()) return read.error();
        head = std::move(*read);
        have_head = true;
      }
      const size_t window = size_t(std::min<uint64_t>(p.bytes, kFingerprintBytes));
      if (head.size() < window) continue;
      Fingerprint first;
      first.add(std::string_view(head).substr(0, window));
      if (first.first() == p.first) candidates.push_back(&p);
    }
    if (candidates.empty()) return nullptr;
    std::sort(candidates.begin(), candidates.end(),
              [](auto* a, auto* b) { return a->bytes < b->bytes; });
    at = input_.open();
    if (!at.ok()) return at.error();
    const SourcePosition* found = nullptr;
    for (const SourcePosition* p : candidates) {
      auto reached = advance(*at, p->bytes);
      // Damage that lies ahead is met when it is read.
      if (!reached.ok() || !*reached) break;
      if (!at->taken.matches(*p)) continue;
      if (p->bytes < kSurePrefixBytes && head.size() != p->bytes) continue;
      found = p;
    }
    return found;
  }

  Error known_elsewhere(const SourcePosition& other) const {
    const std::string where =
        other.path[0] == '-' ? "standard input " + other.path.substr(1) : other.path;
    return Error{input_.name + ": its content was counted before, as " + where + " (" +
                 std::to_string(other.lines) + " lines, " + std::to_string(other.bytes) +
                 " bytes); if it was moved or copied, go on there with --moved; to count it once "
                 "more: --again"};
  }

  Result<std::unique_ptr<Source>> resume_at(const SourcePosition& other) {
    auto at = input_.open();
    if (!at.ok()) return at.error();
    auto reached = advance(*at, other.bytes);
    if (!reached.ok()) return reached.error();
    if (!*reached || !at->taken.matches(other))
      return Error{input_.name + ": changed while it was read; run the same command again"};
    SourcePosition position = other;
    position.path = input_.key;
    return resume(std::move(*at), position);
  }

  Result<std::unique_ptr<Source>> resume(Opened at, const SourcePosition& position) {
    LineSource::Start start;
    start.position = position;
    start.lines = position.lines;
    if (position.open_line) {
      // The line was counted as if it ended there: only its newline may follow.
      std::string next;
      while (next.empty() || next == "\r") {
        auto more = read_up_to(*at.stream, 1);
        if (!more.ok()) return more.error();
        if (more->empty()) break;
        next += *more;
      }
      if (next == "\n" || next == "\r\n") {
        at.taken.add(next);
      } else if (next.empty() || next == "\r") {
        start.ended = true;
      } else {
        return Error{input_.name + ": its last line, line " + std::to_string(position.lines) +
                     ", had no newline when it was counted and has turned out longer. Let inputs "
                     "grow by whole lines; "
                     "to count the whole file once more: --again"};
      }
    }
    return make(std::move(start), std::move(at), options_.header);
  }

  Result<std::unique_ptr<Source>> from_start() {
    auto at = input_.open();
    if (!at.ok()) return at.error();
    LineSource::Start start;
    start.position.path = input_.key;
    auto beginning = read_beginning(*at->stream, input_.name, options_, start.ahead);
    if (!beginning.ok()) return beginning.error();
    at->taken.add(std::string_view(start.ahead).substr(0, beginning->bytes));
    start.ahead.erase(0, beginning->bytes);
    start.lines = beginning->lines;
    start.header = std::move(beginning->text);
    if (options_.header && start.header.empty()) {
      start.ended = true;  // no columns have a name yet, so there are no records
      start.ahead.clear();
    }
    return make(std::move(start), std::move(*at), false);
  }

  Result<std::unique_ptr<Source>> make(LineSource::Start start, Opened at, bool need_header) {
    if (need_header) {
      auto again = input_.open();
      if (!again.ok()) return again.error();
      std::string ahead;
      auto beginning = read_beginning(*again->stream, input_.name, options_, ahead);
      if (!beginning.ok()) return beginning.error();
      start.header = std::move(beginning->text);
    }
    start.stream = std::move(at.stream);
    start.taken = std::move(at.taken);
    start.name = input_.name;
    start.bytes_total = input_.raw->size();
    return std::unique_ptr<Source>(std::make_unique<LineSource>(std::move(start), options_));
  }

  const Input input_;
  const std::vector<SourcePosition>& known_;
  const SourceOptions& options_;
};

}  // namespace

Result<std::unique_ptr<Source>> open_file(const std::string& path,
                                          const std::vector<SourcePosition>& known,
                                          const SourceOptions& options) {
  auto raw = open_raw_file(path);
  if (!raw.ok()) return raw.error();
  std::error_code failed;
  const std::string canonical = std::filesystem::canonical(path, failed).string();
  if (failed) return Error{path + ": cannot be found: " + failed.message()};
  return Opener(Input{std::move(*raw), canonical, path, false}, known, options).open();
}

Result<std::unique_ptr<Source>> open_standard_input(int fd, const std::string& name,
                                                    const std::string& spool_folder,
                                                    const std::vector<SourcePosition>& known,
                                                    const SourceOptions& options) {
  auto raw = open_spooled(fd, name, spool_folder, options.again, options.stop);
  if (!raw.ok()) return raw.error();
  const std::string key = "-" + name;
  return Opener(Input{std::move(*raw), key, key, true}, known, options).open();
}

}  // namespace quipu
