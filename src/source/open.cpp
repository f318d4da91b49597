// Where to begin in an input: its content is compared with what is known, then a LineSource is
// opened at the right place.
//
//   path known, and its content goes on from there     there; its start if --again and finished
//   goes on from content of another path               --moved: there; --again: its start
//   begins as known content, then goes on otherwise    --again: its start
//   not known, under a known path                      --again: its start
//   not known, under another path                      its start, but not with --moved alone
//
// What is not named is refused. With both --again and --moved --again is only for what is not
// known.
#include <filesystem>

#include "source/content_match.h"
#include "source/held_file.h"
#include "source/line_source.h"

namespace quipu {
namespace {

// Two inputs may begin alike by chance. Of a beginning as short as this the message speaks of it.
constexpr uint64_t kChanceBytes = 4 << 10;

std::string lines_text(uint64_t lines) {
  return std::to_string(lines) + (lines == 1 ? " line" : " lines");
}

std::string place_text(const SourcePosition& position) {
  return position.path[0] == '-' ? "standard input " + position.path.substr(1) : position.path;
}

class Opener {
 public:
  Opener(Input input, KnownInputs& known, const SourceOptions& options)
      : input_(std::move(input)), known_(known), options_(options) {
    input_.stop = options.stop;
  }

  Result<std::unique_ptr<Source>> open() {
    QUIPU_TRY(input_.read_beginning(options_));
    QUIPU_ASSIGN(auto own, known_.at_path(input_.key));
    if (own && own->counted.bytes == 0) own.reset();  // it was empty
    if (own) {
      QUIPU_ASSIGN(auto same, goes_on(*own));
      if (same) return is_begun_anew(*own) ? begin_anew(*own) : go_on(*own);
    }
    QUIPU_ASSIGN(auto match, match_content(input_, known_));
    if (match.goes_on) {
      if (options_.moved) return go_on(*match.goes_on);
      if (options_.again) return as_new_content(match.goes_on->counted.lines);
      return counted_before(match.goes_on->counted);
    }
    if (match.alike) {
      if (options_.again && !options_.moved) return as_new_content(match.alike_lines);
      return begins_alike(match.alike->counted, match.alike_lines);
    }
    if (own && !options_.again) return other_content(own->counted);
    if (options_.moved && !options_.again) return no_known_fits();
    return as_new_content(0);
  }

  // See open_held_file().
  Result<std::unique_ptr<Source>> open_as(TakenFor taken_for) {
    if (taken_for.kind == TakenFor::Kind::what_its_text_says) return open();
    QUIPU_TRY(input_.read_beginning(options_));
    if (taken_for.kind == TakenFor::Kind::new_content) return as_new_content(0);
    QUIPU_ASSIGN(const KnownContent content, known_.content(taken_for.content));
    QUIPU_ASSIGN(const bool same, goes_on(content));
    return same ? go_on(content) : Result<std::unique_ptr<Source>>(std::unique_ptr<Source>());
  }

 private:
  Result<bool> goes_on(const KnownContent& content) const {
    QUIPU_ASSIGN(auto at, input_.open());
    QUIPU_ASSIGN(auto reached, input_.advance(at, content.counted.bytes));
    return reached && at.taken.matches(content.counted);
  }

  bool is_begun_anew(const KnownContent& content) const {
    const SourcePosition& mark = content.mark();
    const bool in_this_round = options_.again_round != 0 && mark.round == options_.again_round;
    return options_.again && !options_.moved && mark.finished && !in_this_round;
  }

  Result<std::unique_ptr<Source>> begin_anew(const KnownContent& content) {
    return from_start(content.counted.content, content.counted.lines);
  }

  Result<std::unique_ptr<Source>> as_new_content(uint64_t lines_again) {
    QUIPU_ASSIGN(auto number, known_.new_content());
    return from_start(number, lines_again);
  }

  Result<std::unique_ptr<Source>> from_start(uint64_t content, uint64_t lines_again) {
    QUIPU_ASSIGN(auto at, input_.open());
    LineSource::Start start;
    start.position.path = input_.key;
    start.position.content = content;
    start.position.round = options_.again ? options_.again_round : 0;
    start.lines_again = lines_again;
    QUIPU_ASSIGN(auto reached, input_.advance(at, input_.beginning.bytes));
    if (!reached) return changed_meanwhile();
    start.lines = input_.beginning.lines;
    // Where no columns have a name yet, there are no records.
    start.ended = options_.header && input_.beginning.header.empty();
    return make(std::move(start), std::move(at));
  }

  // At the place up to which the content was counted.
  Result<std::unique_ptr<Source>> go_on(const KnownContent& content) {
    LineSource::Start start;
    start.position = content.mark();
    start.position.path = input_.key;
    start.lines = start.position.lines;
    QUIPU_ASSIGN(auto at, input_.open());
    QUIPU_ASSIGN(auto reached, input_.advance(at, start.position.bytes));
    if (!reached || !at.taken.matches(start.position)) return changed_meanwhile();
    if (start.position.open_line) QUIPU_TRY(pass_end_of_line(at, start));
    return make(std::move(start), std::move(at));
  }

  // The last line was counted as if it ended there: only its newline may follow.
  Status pass_end_of_line(OpenedInput& at, LineSource::Start& start) const {
    std::string next;
    while (next.empty() || next == "\r") {
      QUIPU_ASSIGN(auto more, read_up_to(*at.stream, 1));
      if (more.empty()) break;
      next += more;
    }
    if (next == "\n" || next == "\r\n") {
      at.taken.add(next);
    } else if (next.empty() || next == "\r") {
      start.ended = true;
    } else {
      return Error{input_.name + ": its last line, line " + std::to_string(start.lines) +
                   ", had no newline when it was counted and has turned out longer. Let inputs "
                   "grow by whole lines; put what is new in it into a file of its own"};
    }
    return {};
  }

  Result<std::unique_ptr<Source>> make(LineSource::Start start, OpenedInput at) {
    start.stream = std::move(at.stream);
    start.taken = std::move(at.taken);
    start.header = input_.beginning.header;
    start.name = input_.name;
    start.bytes_total = input_.raw->size();
    return std::unique_ptr<Source>(std::make_unique<LineSource>(std::move(start), options_));
  }

  Error changed_meanwhile() const {
    return Error{input_.name + ": changed while it was read; run the same command again"};
  }

  Error counted_before(const SourcePosition& counted) const {
    std::string message = input_.name + ": its content was counted before, as " +
                          place_text(counted) + " (" + lines_text(counted.lines) + ", " +
                          std::to_string(counted.bytes) +
                          " bytes); if it was moved or copied, go on there with --moved";
    if (counted.bytes < kChanceBytes) {
      message += "; if it is another input that begins with the same " + lines_text(counted.lines) +
                 ", --count-twice counts those once more";
    }
    return Error{message};
  }

  Error begins_alike(const SourcePosition& counted, uint64_t lines) const {
    return Error{input_.name + ": begins with the same " + lines_text(lines) +
                 " (or more) as what was counted as " + place_text(counted) + " (" +
                 lines_text(counted.lines) + ", " + std::to_string(counted.bytes) +
                 " bytes), but does not go on from there: it is cut, an older copy, or was changed "
                 "or went another way since. Leave it out, or give only what is new in it as a "
                 "file of its own; --count-twice counts all of it, the same lines once more"};
  }

  Error other_content(const SourcePosition& own) const {
    return Error{input_.name + ": its content is not what it was when " + lines_text(own.lines) +
                 " (" + std::to_string(own.bytes) +
                 " bytes) of it were counted, and none that is known; if this is a new input under "
                 "an old name, count it with --again"};
  }

  Error no_known_fits() const {
    return Error{input_.name +
                 ": --moved, but it goes on from no input that was counted; if it is a new one, "
                 "count it without --moved"};
  }

  Input input_;
  KnownInputs& known_;
  const SourceOptions& options_;
};

// A table of the contents of some positions.
Result<KnownInputs> known_positions(const std::vector<SourcePosition>& positions, InputRows& rows) {
  KnownInputs known([&rows](const std::string& key) -> Result<std::string> {
    const auto found = rows.find(key);
    return found == rows.end() ? std::string() : found->second;
  });
  for (SourcePosition position : positions) {
    QUIPU_ASSIGN(position.content, known.new_content());
    QUIPU_TRY(known.note(position, rows));
  }
  return known;
}

}  // namespace

Result<std::unique_ptr<Source>> open_file(const std::string& path, KnownInputs& known,
                                          const SourceOptions& options) {
  QUIPU_ASSIGN(auto raw, open_raw_file(path));
  std::error_code failed;
  const std::string canonical = std::filesystem::canonical(path, failed).string();
  if (failed) return Error{path + ": cannot be found: " + failed.message()};
  return Opener(Input{std::move(raw), canonical, path, nullptr, false, false, {}}, known, options)
      .open();
}

Result<std::unique_ptr<Source>> open_bytes(std::shared_ptr<RawInput> bytes, const std::string& path,
                                           const std::string& name, KnownInputs& known,
                                           const SourceOptions& options) {
  return Opener(Input{std::move(bytes), path, name, nullptr, false, false, {}}, known, options)
      .open();
}

Result<std::unique_ptr<Source>> open_held_file(std::shared_ptr<const HeldFile> file,
                                               const std::string& key, const std::string& name,
                                               TakenFor taken_for, KnownInputs& known,
                                               SourceOptions options) {
  options.moved = options.again = true;
  return Opener(Input{input_of(std::move(file)), key, name, nullptr, false, false, {}}, known,
                options)
      .open_as(taken_for);
}

Result<std::unique_ptr<Source>> open_standard_input(int fd, const std::string& name,
                                                    const std::string& spool_folder,
                                                    KnownInputs& known,
                                                    const SourceOptions& options) {
  QUIPU_ASSIGN(auto raw, open_spooled(fd, name, spool_folder, options.again, options.stop));
  const std::string key = "-" + name;
  return Opener(Input{std::move(raw), key, key, nullptr, false, false, {}}, known, options).open();
}

Result<std::unique_ptr<Source>> open_file(const std::string& path,
                                          const std::vector<SourcePosition>& known,
                                          const SourceOptions& options) {
  InputRows rows;
  QUIPU_ASSIGN(auto table, known_positions(known, rows));
  return open_file(path, table, options);
}

Result<std::unique_ptr<Source>> open_standard_input(int fd, const std::string& name,
                                                    const std::string& spool_folder,
                                                    const std::vector<SourcePosition>& known,
                                                    const SourceOptions& options) {
  InputRows rows;
  QUIPU_ASSIGN(auto table, known_positions(known, rows));
  return open_standard_input(fd, name, spool_folder, table, options);
}

}  // namespace quipu
