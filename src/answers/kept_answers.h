// Answers that are given page by page, so that every page is of the same state: each is kept for a
// while under a word that nobody can guess, with the tenant it is for. The oldest go when there are
// too many, or too much. Any thread.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "query/answer.h"

namespace quipu {

inline constexpr size_t kMaxKeptAnswers = 64;
inline constexpr size_t kMaxKeptBytes = size_t(16) << 20;  // of all
inline constexpr auto kAnswerKept = std::chrono::minutes(5);
inline constexpr size_t kMaxPageSize = 10'000;  // groups
inline constexpr char kPageGone[] =
    "this page's answer is not kept any more (kAnswerKept, kMaxKeptBytes): ask again from the "
    "first page";

// One page: the groups of an answer from `first` on, and the cursor of those behind it ("": none).
struct AnswerPage {
  Answer answer;
  std::string next;
};

class KeptAnswers {
 public:
  using Clock = std::chrono::steady_clock;
  // The first page of an answer, which is kept if there are more.
  AnswerPage first_page(const std::string& tenant, Answer answer, size_t page_size);
  // The page of a cursor that a page of this tenant gave; nothing: it is not kept any more, or is
  // no such cursor.
  std::optional<AnswerPage> page(const std::string& tenant, const std::string& cursor);

 private:
  struct Whole;
  struct Kept {
    std::string word, tenant;
    std::shared_ptr<const Whole> whole;
    size_t page_size, bytes;
    Clock::time_point until;
  };
  void forget();  // what is too old or too much, with mutex_ held

  std::mutex mutex_;
  std::deque<Kept> kept_;  // the oldest first
  size_t bytes_ = 0;
};

}  // namespace quipu
