#include "engine/checkpointer.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "base/cpu_clock.h"
#include "base/fault.h"
#include "engine/memory_shares.h"
#include "engine/parallel_groups.h"

namespace quipu {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPoll = std::chrono::milliseconds(5);

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

int64_t wall_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What a checkpoint has of its parts, beside what went into its CheckpointWrite.
struct TakenParts {
  std::vector<RowLog> logs;
  std::vector<const Pane*> panes;  // of the parts
  std::string letters;
  uint64_t other_bytes = 0;  // names and new rows
};

TakenParts take_parts(CheckpointParts::Whole& whole, CheckpointWrite& write) {
  TakenParts taken;
  Tallies sum;
  for (DecoderPart& part : whole.decoders) {
    sum.add(part.tallies);
    taken.letters += part.dead_letters;
    write.expected_bytes += part.names.bytes();
    taken.other_bytes += part.names.bytes();
    write.names.push_back(std::move(part.names));
  }
  for (ShardPart& part : whole.shards) {
    sum.add(part.tallies);
    write.expected_bytes += part.pane.bytes() / 4 + part.new_rows.bytes() / 4;
    taken.other_bytes += part.new_rows.bytes();
    taken.panes.push_back(&part.pane);
    taken.logs.push_back(std::move(part.new_rows));
  }
  // What decoders passed on before the barrier, shards have tallied before it.
  CHECK_EQ(sum.read, sum.counted + sum.duplicate + sum.unplanned + sum.set_aside_total());
  write.state.tallies.add(sum);
  return taken;
}

}  // namespace

Checkpointer::Checkpointer(Wiring wiring, DeadLetterFile dead_letters, const EngineOptions& options,
                           size_t pane_bytes, size_t hot_bytes)
    : wiring_(std::move(wiring)),
      dead_letters_(std::move(dead_letters)),
      options_(options),
      group_by_(options.group_by),
      pane_bytes_(pane_bytes),
      hot_bytes_(hot_bytes),
      commit_threads_(options.commit_threads ? options.commit_threads
                                             : std::max(1u, std::thread::hardware_concurrency())) {
  group_by_.table_bytes = std::min(group_by_.table_bytes, pane_bytes_ / commit_threads_);
  group_state_.stored = [store = wiring_.store](std::span<const std::string> keys,
                                                std::span<std::string> rows) {
    return store->get_cells(keys, rows);
  };
  thread_ = std::thread([this] { run(); });
}

Checkpointer::~Checkpointer() { stop(); }

void Checkpointer::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  wiring_.parts->interrupt();
  if (thread_.joinable()) thread_.join();
}

bool Checkpointer::push(DecodeStage& decoder, DecodeTask task, InputRows behind) {
  std::unique_lock lock(mutex_);
  if (!wait_for_room(lock, task.block.weight)) return false;
  wiring_.live->in_flight.add(task.block.weight);
  if (stopping_ || failed_) return false;
  if (!decoder.queue().push(std::move(task))) return false;
  take_rows(std::move(behind));
  last_new_ = Clock::now();
  if (!dirty_) first_new_ = last_new_;
  dirty_ = true;
  ++blocks_since_;
  if (must_begin()) changed_.notify_all();
  return true;
}

void Checkpointer::take_rows(InputRows rows) {
  for (auto& [key, row] : rows) {
    const auto [at, fresh] = rows_.try_emplace(key);
    rows_bytes_ += row.size() - at->second.size() + (fresh ? key.size() : 0);
    at->second = std::move(row);
  }
}

void Checkpointer::note_change() {
  std::lock_guard lock(mutex_);
  if (!dirty_) first_new_ = last_new_ = Clock::now();
  dirty_ = true;
}

void Checkpointer::note_inputs(InputRows rows) {
  std::lock_guard lock(mutex_);
  take_rows(std::move(rows));
  if (!dirty_) first_new_ = last_new_ = Clock::now();
  dirty_ = true;
}

Result<std::string> Checkpointer::input_row(const std::string& key) const {
  {
    std::lock_guard lock(mutex_);
    for (const InputRows* rows : {&rows_, &committing_rows_}) {
      if (const auto found = rows->find(key); found != rows->end()) return found->second;
    }
  }
  return wiring_.store->snapshot()->get_meta(std::string(kPositionPrefix) + key);
}

Status Checkpointer::request_and_wait() {
  std::unique_lock lock(mutex_);
  const uint64_t request = ++requests_;
  changed_.notify_all();
  changed_.wait(lock, [&] { return requests_done_ >= request || failed_ || stopping_; });
  if (requests_done_ >= request) return {};
  return Error{
      "the run ended before the checkpoint was made; the last one is intact: run the same command "
      "again"};
}

Status Checkpointer::request_if_older(std::chrono::milliseconds age) {
  {
    std::lock_guard lock(mutex_);
    if (durable_as_of_ && Clock::now() - *durable_as_of_ < age) return {};
  }
  return request_and_wait();
}

void Checkpointer::run_failed() {
  wiring_.parts->interrupt();
  std::lock_guard lock(mutex_);
  failed_ = true;
  changed_.notify_all();
}

CheckpointTotals Checkpointer::totals() const {
  std::lock_guard lock(mutex_);
  return totals_;
}

// Blocks are counted, or panes are full: until a barrier has begun. Or what is on its way to the
// panes may fill them: until it is there, and known.
bool Checkpointer::wait_for_room(std::unique_lock<std::mutex>& lock, uint64_t weight) {
  bool asked = false;
  while (!stopping_ && !failed_ && dirty_ && !has_room(weight)) {
    wanted_ = weight;
    if (must_begin()) {
      changed_.notify_all();
      changed_.wait_for(lock, kPoll);
      continue;
    }
    if (!asked)
      for (DecodeStage* decoder : wiring_.decoders) decoder->queue().push({{}, nullptr, 0});
    asked = true;
    lock.unlock();
    wiring_.live->in_flight.wait(kPoll);
    lock.lock();
  }
  wanted_ = 0;
  return !stopping_ && !failed_;
}

size_t Checkpointer::pane_limit() const {
  return committing_ ? kept_beside(pane_bytes_) : pane_bytes_;
}

bool Checkpointer::has_room(uint64_t weight) const {
  if (must_begin()) return false;
  const LiveCounters& live = *wiring_.live;
  // What is being committed cannot leave the hot tier before.
  if (committing_ && live.hot_bytes.load(std::memory_order_relaxed) > hot_bytes_ + hot_bytes_ / 4)
    return false;
  return live.in_flight.bytes() + live.pending_bytes.load() + weight <=
         std::max(pane_limit(), kLeastRoomBytes);
}

bool Checkpointer::must_begin() const {
  if (options_.checkpoint_blocks && blocks_since_ >= options_.checkpoint_blocks) return true;
  if (rows_bytes_ >= kMostInputRowBytes) return true;
  const LiveCounters& live = *wiring_.live;
  // In this order: what leaves the one is in the other before.
  const uint64_t in_flight = live.in_flight.bytes();
  const uint64_t pending = live.pending_bytes.load();
  return pending >= pane_limit() || (wanted_ != 0 && in_flight == 0 &&
                                     pending + wanted_ > std::max(pane_limit(), kLeastRoomBytes));
}

bool Checkpointer::due() const {
  if (requests_ > requests_done_) return true;
  if (!dirty_) return false;
  const double age = seconds_since(first_new_);
  if (age >= options_.checkpoint_age_s) return true;
  if (options_.fresh_age_s > 0 &&
      age >= std::max(options_.fresh_age_s, kCheckpointShare * totals_.last_s))
    return true;
  if (age >= kIdleCheckpointS && seconds_since(last_new_) >= kIdleCheckpointS) return true;
  if (must_begin()) return true;
  return wiring_.live->hot_bytes.load(std::memory_order_relaxed) > hot_bytes_ + hot_bytes_ / 16;
}

void Checkpointer::run() {
  name_thread("checkpoint");
  uint64_t number = wiring_.store->committed().checkpoint;
  while (true) {
    uint64_t requests;
    Clock::time_point as_of;
    InputRows rows;
    {
      std::unique_lock lock(mutex_);
      while (!stopping_ && !failed_ && !due()) changed_.wait_for(lock, kPoll);
      if (stopping_ || failed_) return;
      requests = requests_;
      as_of = Clock::now();
      if (!dirty_) {
        durable_as_of_ = as_of;
        requests_done_ = requests;
        changed_.notify_all();
        continue;
      }
      committing_rows_ = std::move(rows_);
      rows = committing_rows_;
      rows_.clear();
      rows_bytes_ = 0;
      dirty_ = false;
      blocks_since_ = 0;
      committing_ = true;
      ++number;
      for (DecodeStage* decoder : wiring_.decoders) decoder->queue().push({{}, nullptr, number});
    }
    changed_.notify_all();
    CheckpointParts::Whole whole;
    Status status;
    if (wiring_.parts->wait(number, whole)) {
      status = commit(number, std::move(whole), std::move(rows));
    } else {
      return;  // stopped, or failed elsewhere
    }
    if (!status.ok()) {
      wiring_.fail(status.error());
      return;
    }
    if (options_.on_commit) options_.on_commit(wiring_.store->committed());
    {
      std::lock_guard lock(mutex_);
      requests_done_ = requests;
      durable_as_of_ = as_of;
      committing_ = false;
      committing_rows_.clear();
      changed_.notify_all();
    }
  }
}

Status Checkpointer::commit(uint64_t number, CheckpointParts::Whole whole, InputRows rows) {
  const auto begin = Clock::now();
  CpuLaps laps;
  CheckpointWrite write;
  write.state = wiring_.store->committed();
  CHECK_EQ(number, write.state.checkpoint + 1);
  write.state.checkpoint = number;
  write.state.time_s = wall_s();
  write.positions = std::move(rows);

  TakenParts taken = take_parts(whole, write);
  const uint64_t memberships = count_memberships(taken.panes);
  write.space_bytes = estimate_.bytes(memberships, taken.other_bytes);
  const uint64_t space_bytes = write.space_bytes;
  fault_point("checkpoint.parts_complete");
  QUIPU_TRY(dead_letters_.append_and_sync(taken.letters));
  fault_point("checkpoint.dead_letters_synced");
  write.state.dead_letter_bytes = dead_letters_.bytes();
  write.records = [&](ElementCodes& codes, const RecordSink& sink) {
    return encode_appends(taken.logs, wiring_.registry->plan(), codes, sink);
  };

  GroupByResult grouped;
  double group_s = 0;
  uint64_t workers_cpu_ns = 0;
  write.cells = [&](const RowSink& sink) {
    const auto group_begin = Clock::now();
    const GroupBy groups(taken.panes, wiring_.registry->plan(), group_by_, group_state_,
                         kPiecesOfThread * commit_threads_);
    groups.report(grouped);
    Status status = group_in_parallel(groups, commit_threads_, pane_bytes_ / kRowsOfPane, sink,
                                      grouped, workers_cpu_ns);
    group_s = seconds_since(group_begin);
    return status;
  };
  write.catalogue = [&]() -> Result<std::vector<MetaPut>> {
    for (const GroupByResult::Written& w : grouped.written) {
      QUIPU_TRY(wiring_.registry->written(w.tenant, w.month));
    }
    for (const GroupByResult::Several& s : grouped.several) wiring_.catalogue->add_several(s);
    return wiring_.catalogue->take_pending();
  };
  QUIPU_ASSIGN(auto stats, wiring_.store->commit(std::move(write)));
  estimate_.learn(memberships, grouped.bytes);
  CpuSpent& cpu = wiring_.live->cpu;
  cpu.cells += stats.cells_cpu_ns + workers_cpu_ns;
  cpu.records += stats.records_cpu_ns;
  cpu.names += stats.names_cpu_ns;
  cpu.commit += laps.lap_ns() - stats.caller_cpu_ns;
  CHECK_EQ(wiring_.store->committed().checkpoint, number);
  fault_point("checkpoint.committed");
  for (RowLog& log : taken.logs) wiring_.logs->give_back(std::move(log));
  wiring_.live->durable_epoch.store(number, std::memory_order_release);

  add_to_totals(stats, grouped, space_bytes, group_s, seconds_since(begin));
  return {};
}

void Checkpointer::add_to_totals(const CommitStats& stats, const GroupByResult& grouped,
                                 uint64_t space_bytes, double group_s, double total_s) {
  std::lock_guard lock(mutex_);
  ++totals_.checkpoints;
  totals_.ingested += stats.ingested;
  totals_.space_bytes += space_bytes;
  totals_.cell_rows += grouped.rows;
  totals_.sparse_rows += grouped.sparse_rows;
  totals_.joint_rows += grouped.joint_rows;
  totals_.cells += grouped.cells;
  totals_.cell_bytes += grouped.bytes;
  totals_.record_bytes += stats.record_bytes;
  totals_.names += stats.names;
  totals_.name_rows += stats.name_rows;
  totals_.name_bytes += stats.name_bytes;
  totals_.group_s += group_s;
  totals_.commit_s += total_s;
  totals_.last_s = total_s;
  totals_.longest_s = std::max(totals_.longest_s, total_s);
}

}  // namespace quipu
