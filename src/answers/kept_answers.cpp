#include "answers/kept_answers.h"

#include <algorithm>
#include <charconv>

#include "http/hex_digest.h"

namespace quipu {
namespace {

constexpr size_t kBytesOfGroup = 192;  // beside its figures and texts

size_t bytes_of(const std::vector<Group>& groups) {
  size_t bytes = 0;
  for (const Group& group : groups) {
    bytes += kBytesOfGroup + 8 * (group.count.size() + group.unique.size());
    for (const std::string& name : group.by) bytes += name.size();
    for (const auto& sums : group.sums) bytes += sizeof(Fixed6) * sums.size();
  }
  return bytes;
}

}  // namespace

struct KeptAnswers::Whole {
  Answer head;  // without groups
  std::vector<Group> groups, before;

  AnswerPage page(const std::string& word, size_t first, size_t page_size) const {
    const size_t end = std::min(groups.size(), first + page_size);
    AnswerPage page;
    page.answer = head;
    const auto slice = [&](const std::vector<Group>& from, std::vector<Group>& into) {
      into.assign(from.begin() + ptrdiff_t(first), from.begin() + ptrdiff_t(end));
    };
    slice(groups, page.answer.groups);
    if (head.previous) slice(before, page.answer.previous->groups);
    if (end < groups.size()) page.next = word + "." + std::to_string(end);
    return page;
  }
};

AnswerPage KeptAnswers::first_page(const std::string& tenant, Answer answer, size_t page_size) {
  if (answer.groups.size() <= page_size) return {std::move(answer), {}};
  auto whole = std::make_shared<Whole>();
  whole->groups = std::move(answer.groups);
  if (answer.previous) whole->before = std::move(answer.previous->groups);
  whole->head = std::move(answer);
  const std::string word = random_hex();
  AnswerPage page = whole->page(word, 0, page_size);
  const size_t bytes = bytes_of(whole->groups) + bytes_of(whole->before);
  std::lock_guard lock(mutex_);
  bytes_ += bytes;
  kept_.push_back({word, tenant, std::move(whole), page_size, bytes, Clock::now() + kAnswerKept});
  forget();
  return page;
}

std::optional<AnswerPage> KeptAnswers::page(const std::string& tenant, const std::string& cursor) {
  const size_t dot = cursor.find('.');
  size_t first = 0;
  if (dot == std::string::npos) return std::nullopt;
  const auto [end, error] =
      std::from_chars(cursor.data() + dot + 1, cursor.data() + cursor.size(), first);
  if (error != std::errc() || end != cursor.data() + cursor.size()) return std::nullopt;
  std::shared_ptr<const Whole> whole;
  size_t page_size = 0;
  const std::string word = cursor.substr(0, dot);
  {
    std::lock_guard lock(mutex_);
    forget();
    for (const Kept& kept : kept_) {
      if (kept.word != word || kept.tenant != tenant) continue;
      whole = kept.whole;
      page_size = kept.page_size;
    }
  }
  if (!whole || first >= whole->groups.size()) return std::nullopt;
  return whole->page(word, first, page_size);
}

void KeptAnswers::forget() {
  while (!kept_.empty() && (kept_.size() > kMaxKeptAnswers || bytes_ > kMaxKeptBytes ||
                            kept_.front().until <= Clock::now())) {
    bytes_ -= kept_.front().bytes;
    kept_.pop_front();
  }
}

}  // namespace quipu
