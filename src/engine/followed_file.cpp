#include "engine/followed_file.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace quipu {
namespace {

// A file system's clock may be so much behind; and two changes so near to each other may have the
// same time.
constexpr int64_t kTick_ns = 100'000'000;
// A new file that begins with so much of a known content is that content, moved here.
constexpr uint64_t kSurelyKnownBytes = 4 << 10;

int64_t wall_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Links are not followed: what a link leads to may change as a file's name does.
std::string key_of(const std::string& path) {
  std::error_code failed;
  const std::filesystem::path absolute = std::filesystem::absolute(path, failed);
  const auto folder = std::filesystem::weakly_canonical(absolute.parent_path(), failed);
  return failed ? absolute.string() : (folder / absolute.filename()).string();
}

}  // namespace

// What is new in a file, up to its end as it is now, or to the turn's.
class FollowedFile::Turn : public Source {
 public:
  // `state` and `settled` are those before it was opened.
  Turn(std::unique_ptr<Source> inner, std::shared_ptr<Held> held, const FileState& state,
       bool settled, FollowedFile& of, uint64_t most_bytes)
      : inner_(std::move(inner)),
        held_(std::move(held)),
        state_(state),
        settled_(settled),
        of_(of),
        most_bytes_(most_bytes) {}

  Result<Block> next() override {
    if (ended_ || bytes_ >= most_bytes_) return Block();
    auto block = inner_->next();
    if (!block.ok()) {
      const StopFlag* stop = of_.wiring_.source_options.stop;
      if (stop && stop->is_set()) return block;
      of_.trouble(held_->retry, block.error());
      ended_ = true;
      return Block();
    }
    if (block->text.empty()) {
      held_->seen = state_;
      held_->settled = settled_;
      held_->unfinished_line = inner_->unfinished().line;
      of_.works(held_->retry, name());
      ended_ = true;
      return block;
    }
    bytes_ += block->text.size();
    held_->content = inner_->position().content;
    held_->is_new = false;
    held_->read_at = Clock::now();
    of_.was_known_ = true;
    return block;
  }
  SourcePosition position() const override { return inner_->position(); }
  Unfinished unfinished() const override { return {}; }
  const std::string& header() const override { return inner_->header(); }
  const std::string& name() const override { return inner_->name(); }
  uint64_t lines_again() const override { return 0; }
  uint64_t bytes_read() const override { return bytes_; }
  uint64_t bytes_total() const override { return 0; }

 private:
  const std::unique_ptr<Source> inner_;
  const std::shared_ptr<Held> held_;
  const FileState state_;
  const bool settled_;
  FollowedFile& of_;
  const uint64_t most_bytes_;
  uint64_t bytes_ = 0;
  bool ended_ = false;
};

FollowedFile::FollowedFile(std::string path, const FollowWiring& wiring)
    : path_(std::move(path)), key_(key_of(path_)), wiring_(wiring) {}

// So that what came since then is known to be its own, though it is rotated before it is read.
Status FollowedFile::note_followed(InputRows& rows) {
  QUIPU_ASSIGN(const auto own, wiring_.known->at_path(key_));
  if (own && own->counted.bytes > 0) return {};
  QUIPU_ASSIGN(const int64_t since_ms, wiring_.known->followed_since_ms(key_));
  followed_ns_ = since_ms * 1'000'000;
  if (since_ms == 0) KnownInputs::note_followed(key_, wall_ns() / 1'000'000, rows);
  return {};
}

bool FollowedFile::holds(const FileId& id) const {
  if (current_ && current_->id == id) return true;
  return std::any_of(rotated_.begin(), rotated_.end(),
                     [&](const auto& held) { return held->id == id; });
}

std::unique_ptr<Source> FollowedFile::next_turn() {
  look_at_path();
  if (search_) look_for_rest();
  for (size_t i = 0; i < rotated_.size(); ++i) {
    if (auto turn = turn_of(rotated_[i])) return turn;
  }
  drop_rotated();
  return current_ && !search_ ? turn_of(current_) : nullptr;
}

// ---- the path ----

void FollowedFile::look_at_path() {
  if (Clock::now() < retry_.at) return;
  const int64_t now_ns = wall_ns();
  Status status;
  auto state = state_of_path(path_);
  if (!state.ok()) {
    status = state.error();
  } else if (!*state) {
    if (!begun_) status = begin_without_file();
    if (status.ok() && looked_ns_ > 0) return hold_rotated_since(looked_ns_ - kTick_ns);
  } else if (current_ && current_->id == (*state)->id) {
    // as it was
  } else if (!wiring_.is_held((*state)->id)) {
    auto file = HeldFile::open(path_);
    auto opened = file.ok() ? (*file)->state() : Result<FileState>(file.error());
    if (!opened.ok())
      status = opened.error();
    else if (!wiring_.is_held(opened->id))
      status = current_ ? rotate(*file, *opened) : begin(*file, *opened);
  } else if (holds((*state)->id)) {  // it was named back
    const auto at = std::find_if(rotated_.begin(), rotated_.end(),
                                 [&](const auto& held) { return held->id == (*state)->id; });
    std::swap(*at, current_);
  }
  if (!status.ok()) return trouble(retry_, status.error());
  works(retry_, path_);
  looked_ns_ = now_ns;
}

// The first file at the path, since this process began.
Status FollowedFile::begin(std::shared_ptr<HeldFile> file, const FileState& state) {
  QUIPU_ASSIGN(const auto own, wiring_.known->at_path(key_));
  auto held = std::make_shared<Held>();
  held->file = std::move(file);
  held->id = state.id;
  was_known_ = own && own->counted.bytes > 0;
  if (was_known_) {
    held->content = own->counted.content;
    QUIPU_ASSIGN(const auto source, open(*held, true));
    if (source) {
      hold_late_files();
    } else {
      held->content = 0;
      search_ = Search{own->counted.content, wiring_.committed_s * 1'000'000'000};
    }
  } else if (begun_ || followed_ns_ > 0) {
    hold_rotated_since((begun_ ? looked_ns_ : followed_ns_) - kTick_ns);
  }
  current_ = std::move(held);
  begun_ = true;
  return {};
}

// What was counted of the path may have been rotated away.
Status FollowedFile::begin_without_file() {
  QUIPU_ASSIGN(const auto own, wiring_.known->at_path(key_));
  was_known_ = own && own->counted.bytes > 0;
  if (was_known_)
    search_ = Search{own->counted.content, wiring_.committed_s * 1'000'000'000};
  else
    wiring_.say(path_ + ": is not there yet; it is waited for");
  if (!was_known_ && followed_ns_ > 0) hold_rotated_since(followed_ns_ - kTick_ns);
  begun_ = true;
  return {};
}

// Files that were rotated and known before, and were written to since.
void FollowedFile::hold_late_files() {
  std::vector<RotatedFile> files = rotated_files();
  if (files.size() > kKeptRotated) files.erase(files.begin(), files.end() - kKeptRotated);
  for (const RotatedFile& file : files) {
    Status unreadable;  // it is none of those that were counted, then
    const auto held = hold_rotated(file, 0, unreadable);
    if (!held || held->content == 0) continue;
    const auto compressed = held->file->is_compressed();
    const auto content = wiring_.known->content(held->content);
    if (compressed.ok() && !*compressed && content.ok() && file.size > content->counted.bytes)
      rotated_.push_back(held);
  }
}

std::vector<RotatedFile> FollowedFile::rotated_files() {
  auto files = rotated_files_of(path_);
  if (files.ok()) return std::move(*files);
  if (std::exchange(listing_error_, files.error().message) != files.error().message)
    wiring_.say(files.error().message + "; rotated files in it are not found");
  return {};
}

Status FollowedFile::rotate(std::shared_ptr<HeldFile> file, const FileState& state) {
  QUIPU_ASSIGN(const FileState old, current_->file->state());
  std::error_code failed;
  auto held = std::make_shared<Held>();
  held->file = std::move(file);
  held->id = state.id;
  held->is_new = old.names > 0 && !std::filesystem::is_symlink(path_, failed);
  current_->seen = {};  // its last line may be whole now
  rotated_.push_back(std::exchange(current_, std::move(held)));
  // Those that came and went since the last look.
  const int64_t since = std::min(old.changed_ns, looked_ns_ - kTick_ns);
  hold_rotated_since(since);
  return {};
}

void FollowedFile::hold_rotated_since(int64_t since_ns) {
  for (const RotatedFile& file : rotated_files()) {
    if (file.changed_ns < since_ns) continue;
    Status unreadable;  // such as a copy that is being written
    if (auto held = hold_rotated(file, 0, unreadable)) rotated_.push_back(std::move(held));
  }
}

// ---- what was counted of the path, when that is not what stands there ----

void FollowedFile::look_for_rest() {
  const auto now = Clock::now();
  if (now < search_->next_look) return;
  search_->next_look = now + kRestWait / 6;
  const bool last_look = now >= search_->until;
  std::vector<std::shared_ptr<Held>> since;
  const bool found = find_rest(last_look, since);
  if (!found && !last_look) return;
  if (!found) {
    std::erase_if(since, [&](const auto& held) {
      const auto state = held->file->state();
      return !state.ok() || state->changed_ns < search_->since_ns;
    });
    miss_rest(since);
  } else if (current_) {
    current_->is_new = true;
  }
  search_.reset();
  take_rotated(std::move(since));
}

// Looks at the rotated files, the newest first, up to the one that goes on: those before came after
// it. Gives them, the oldest first.
bool FollowedFile::find_rest(bool last_look, std::vector<std::shared_ptr<Held>>& since) {
  std::vector<RotatedFile> files = rotated_files();
  bool found = false;
  for (auto file = files.rbegin(); file != files.rend() && !found; ++file) {
    Status unreadable;
    auto held = hold_rotated(*file, search_->content, unreadable);
    if (!unreadable.ok() && last_look) wiring_.say(unreadable.error().message + "; it is left out");
    if (!held) continue;
    found = held->content == search_->content;
    since.push_back(std::move(held));
  }
  std::reverse(since.begin(), since.end());
  return found;
}

void FollowedFile::miss_rest(const std::vector<std::shared_ptr<Held>>& since) {
  std::string message = path_ +
                        ": does not go on from what was counted of it, and no file beside it does; "
                        "what was in that one and not counted yet is missing";
  for (size_t i = 0; i < since.size(); ++i)
    message += (i ? ", " : "; also read, since they came later: ") + since[i]->file->path();
  wiring_.say(message);
}

// Where nothing stands at the path, the newest of them is what stood there last.
void FollowedFile::take_rotated(std::vector<std::shared_ptr<Held>> files) {
  if (!current_ && !files.empty()) {
    current_ = std::move(files.back());
    files.pop_back();
  }
  for (auto& held : files) rotated_.push_back(std::move(held));
}

// A rotated file with the content that it is known as, the given one if it goes on from that.
// nullptr: it is empty, held already, or unreadable.
std::shared_ptr<FollowedFile::Held> FollowedFile::hold_rotated(const RotatedFile& rotated,
                                                               uint64_t content, Status& trouble) {
  if (rotated.size == 0 || wiring_.is_held(rotated.id)) return nullptr;
  auto file = HeldFile::open(rotated.path);
  auto held = std::make_shared<Held>();
  if (!file.ok()) {
    trouble = file.error();
    return nullptr;
  }
  held->file = *file;
  held->id = rotated.id;
  const auto compressed = (*file)->is_compressed();
  if (content > 0 && compressed.ok() && !*compressed) {  // then it is cheap to see
    held->content = content;
    const auto source = open(*held, false);
    if (source.ok() && *source) return held;
    held->content = 0;
  }
  const auto source = open(*held, false);
  if (!source.ok()) {
    trouble = source.error();
    return nullptr;
  }
  if ((*source)->position().bytes > 0) held->content = (*source)->position().content;
  return held;
}

// ---- turns ----

Result<std::unique_ptr<Source>> FollowedFile::open(const Held& held, bool at_path) {
  SourceOptions options = wiring_.source_options;
  if (at_path) options.records.json = false;  // a closed object may not be the whole line yet
  const std::string name = at_path ? path_ : held.file->path_now();
  const std::string& key = at_path ? key_ : name;
  const auto open_as = [&](TakenFor taken_for) {
    return open_held_file(held.file, key, name, taken_for, *wiring_.known, options);
  };
  if (held.content > 0) return open_as({TakenFor::Kind::known_content, held.content});
  auto source = open_as({});
  if (!held.is_new || (source.ok() && (*source)->position().bytes >= kSurelyKnownBytes))
    return source;
  return open_as({TakenFor::Kind::new_content, 0});
}

std::string FollowedFile::name_of(const Held& held) const {
  return &held == current_.get() ? path_ : held.file->path_now();
}

std::unique_ptr<Source> FollowedFile::turn_of(const std::shared_ptr<Held>& held) {
  if (held->left || Clock::now() < held->retry.at) return nullptr;
  const int64_t now_ns = wall_ns();
  const auto state = held->file->state();
  const auto compressed = held->file->is_compressed();
  if (!state.ok() || !compressed.ok()) {
    trouble(held->retry, state.ok() ? compressed.error() : state.error());
    return nullptr;
  }
  if (held->seen == *state && held->settled) return nullptr;
  if (state->size == 0 && held->content == 0) return nullptr;
  const bool is_current = held == current_;
  auto source = open(*held, is_current);
  if (!source.ok()) {
    trouble(held->retry, source.error());
    return nullptr;
  }
  if (!*source && is_current) {  // cut short, or written anew
    search_ = Search{held->content, held->seen.changed_ns};
    held->content = 0;
    return nullptr;
  }
  if (!*source) {
    wiring_.say(name_of(*held) + ": was changed after its rotation; it is read no further");
    held->left = true;
    return nullptr;
  }
  if ((*source)->position().bytes > 0)
    was_known_ = true;
  else if (is_current && !was_known_ && wiring_.first_lines)
    source = wiring_.first_lines->checked(std::move(*source));
  const bool settled = std::abs(now_ns - state->changed_ns) > kTick_ns;
  return std::make_unique<Turn>(std::move(*source), held, *state, settled, *this,
                                *compressed ? UINT64_MAX : kTurnBytes);
}

// Rotated files that were read to their end: the oldest beyond kKeptRotated, and removed ones that
// nobody seems to write to any more. Others only where there are too many.
void FollowedFile::drop_rotated() {
  size_t kept = rotated_.size();
  std::erase_if(rotated_, [&](const auto& held) {
    const auto state = held->file->state();
    const bool read = state.ok() && held->seen == *state;
    const bool quiet = Clock::now() - held->read_at >= kRemovedQuiet;
    const bool done = read && (kept > kKeptRotated || (state->names == 0 && quiet));
    if (!held->left && !done && kept <= kMostRotatedFiles) return false;
    --kept;
    if (!held->left) drop(*held, read);
    return true;
  });
}

void FollowedFile::drop(const Held& held, bool read) {
  if (!read) wiring_.say(name_of(held) + ": could not be read to its end, and is left");
  if (!read || held.unfinished_line == 0) return;
  wiring_.say(name_of(held) + ": its last line, line " + std::to_string(held.unfinished_line) +
              ", has no newline and is not counted");
}

// ---- trouble ----

void FollowedFile::trouble(Retry& retry, const Error& error) {
  if (retry.said != error.message) wiring_.say(error.message + "; it is tried again");
  retry.said = error.message;
  retry.pause = std::clamp<std::chrono::milliseconds>(retry.pause * 2, kFirstRetry, kLongestRetry);
  retry.at = Clock::now() + retry.pause;
}

void FollowedFile::works(Retry& retry, const std::string& name) {
  if (retry.said.empty()) return;
  wiring_.say(name + ": is read again");
  retry = {};
}

}  // namespace quipu
