#include "query/read_budget.h"

#include <string>

namespace quipu {
namespace {

constexpr char kAskLess[] =
    ": ask for fewer buckets, longer ones (--interval), or some values only; quipu export writes "
    "everything, however much";

}  // namespace

Status ReadBudget::spend(uint64_t rows) {
  if (rows > left_) {
    return Error{"this question would read more than " + std::to_string(rows_) +
                 " rows (kMaxRowsOfQuestion)" + kAskLess};
  }
  left_ -= rows;
  if (gone_ && gone_->load(std::memory_order_relaxed))
    return Error{"nobody waits for this answer any more"};
  if (calls_++ % kLooksApart != 0) return {};
  if (Clock::now() < end_) return {};
  return Error{
      "this question takes longer than " +
      std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time_).count()) +
      " ms (kMaxTimeOfQuestion)" + kAskLess};
}

}  // namespace quipu
