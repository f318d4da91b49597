// Where to begin in an input: its content is compared with the committed positions, then a
// LineSource is opened at the right place.
#include <algorithm>
#include <filesystem>

#include "source/line_source.h"

namespace quipu {
namespace {

constexpr size_t kReadBytes = 64 << 10;
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

struct Header {
  std::string text;    // without its end of line
  uint64_t bytes = 0;  // with it
};

Result<Header> read_header(const Input& input, size_t max_line_bytes) {
  auto at = input.open();
  if (!at.ok()) return at.error();
  Header header;
  bool whole = false;
  while (!whole && header.text.size() <= max_line_bytes) {
    auto more = read_up_to(*at->stream, 4096);
    if (!more.ok()) return more.error();
    if (more->empty()) break;
    const size_t newline = more->find('\n');
    whole = newline != std::string::npos;
    header.text += more->substr(0, newline);
  }
  if (header.text.size() > max_line_bytes) {
    return Error{input.name + ": its header line is longer than " + std::to_string(max_line_bytes) +
                 " bytes; is it a delimited file?"};
  }
  header.bytes = header.text.size() + whole;
  if (!header.text.empty() && header.text.back() == '\r') header.text.pop_back();
  return header;
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
    if (options_.header) {
      auto header = read_header(input_, options_.max_line_bytes);
      if (!header.ok()) return header.error();
      auto reached = advance(*at, header->bytes);
      if (!reached.ok()) return reached.error();
      if (!*reached)
        return Error{input_.name + ": changed while it was read; run the same command again"};
      start.lines = header->bytes > 0;
      start.header = std::move(header->text);
    }
    return make(std::move(start), std::move(*at), false);
  }

  Result<std::unique_ptr<Source>> make(LineSource::Start start, Opened at, bool need_header) {
    if (need_header) {
      auto header = read_header(input_, options_.max_line_bytes);
      if (!header.ok()) return header.error();
      start.header = std::move(header->text);
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
