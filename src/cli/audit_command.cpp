// `audit`: recounts the inputs without records, first-of fields or rows of cells: ids and
// memberships are sorted outside memory and counted where they lie together. Then every bucket of
// every counter is compared.
//
// Pass 1 sorts (tenant, metric, profile, id) of all events and finds duplicates: the first in the
// order of the inputs is kept. Pass 2 sorts (counter, value, bucket, profile) of the kept ones and
// adds up. Buckets touched by ids that came with different contents depend on which event arrived
// first; they are listed apart.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "cli/audit_inputs.h"
#include "cli/external_sort.h"
#include "cli/run_command.h"
#include "cli/store_access.h"
#include "engine/catalogue_registry.h"
#include "engine/first_lines.h"
#include "engine/input_positions.h"
#include "query/export.h"
#include "query/render.h"
#include "query/whole.h"
#include "source/source.h"

namespace quipu {
namespace {

constexpr size_t kSortBytes = size_t(256) << 20;
constexpr size_t kServedSortBytes = size_t(4) << 20;  // in a run, which has memory of its own
constexpr size_t kMaxShownDifferences = 20;

struct IdRecord {
  Hash128 key;  // of tenant, metric, profile or none, id
  uint64_t sequence;
  uint64_t content;
  bool operator<(const IdRecord& o) const {
    return std::tie(key, sequence) < std::tie(o.key, o.sequence);
  }
};

struct SequenceRecord {
  uint64_t sequence;
  uint8_t duplicate, conflict;
  bool operator<(const SequenceRecord& o) const { return sequence < o.sequence; }
};

// One membership: what an event adds to one bucket of one value. Adds up per profile.
struct Membership {
  Hash128 bucket;  // of tenant, selector, dimension, value, calendar, interval, label
  Hash128 profile;
  bool has_profile;
  bool conflict;
  uint64_t count;
  Fixed6 sums[kMaxValues];
  bool operator<(const Membership& o) const {
    return std::tie(bucket, has_profile, profile) < std::tie(o.bucket, o.has_profile, o.profile);
  }
};

// A bucket as the store answers it, by the same hash.
struct StoredBucket {
  Hash128 bucket;
  uint64_t count, unique;
  Fixed6 sums[kMaxValues];
  bool has_unique;
  uint8_t sum_mask;  // values that the counter sums
  bool operator<(const StoredBucket& o) const { return bucket < o.bucket; }
};

Hash128 bucket_hash(const Hasher& hasher, TenantId tenant, SelectorId selector,
                    DimensionId dimension, std::span<const uint64_t> elements, int calendar,
                    Interval interval, int64_t label) {
  std::string bytes;
  ByteWriter w(bytes);
  w.le32(raw(tenant));
  w.le32(raw(selector));
  w.le32(raw(dimension));
  for (uint64_t e : elements) w.le64(e);
  w.u8(uint8_t(calendar));
  w.u8(uint8_t(interval));
  w.le64(uint64_t(label));
  return hasher.hash128(bytes);
}

class Auditor {
 public:
  Auditor(StoreAccess& access, Snapshot& snapshot, Catalogue& catalogue,
          CatalogueRegistry& registry, const std::string& temporary, const Console& console,
          size_t sort_bytes)
      : console_(console),
        hasher_(access.store().hasher()),
        snapshot_(snapshot),
        catalogue_(catalogue),
        registry_(registry),
        data_folder_(access.store().folder()),
        ids_(sort_bytes, temporary),
        sequences_(sort_bytes / 8, temporary),
        memberships_(sort_bytes, temporary,
                     [](Membership& into, const Membership& other) {
                       into.count += other.count;
                       into.conflict = into.conflict || other.conflict;
                       for (int i = 0; i < kMaxValues; ++i) into.sums[i] += other.sums[i];
                     }),
        stored_(sort_bytes, temporary),
        piece_bytes_(sort_bytes == kServedSortBytes ? kExportPieceBytes : kAlonePieceBytes) {}

  Status run(const std::vector<std::string>& given) {
    QUIPU_ASSIGN(auto positions, positions_of_inputs(snapshot_));
    QUIPU_ASSIGN(auto inputs, audited_inputs(positions, data_folder_, given));
    inputs_ = std::move(inputs);
    QUIPU_TRY(read_inputs(
        [&](const EventBatch& batch, const Event& event) { return add_id(batch, event); }));
    QUIPU_TRY(find_duplicates());
    QUIPU_TRY(find_comparable());
    has_sequence_ = sequences_.next(sequence_);
    sequence_number_ = 0;
    QUIPU_TRY(read_inputs([&](const EventBatch& batch, const Event& event) {
      return add_memberships(batch, event);
    }));
    QUIPU_TRY(memberships_.finish());
    QUIPU_TRY(read_stored());
    return compare();
  }

  struct Report {
    uint64_t events = 0, duplicates = 0, conflicting_ids = 0;
    uint64_t compared = 0, different = 0, conflicting = 0, not_compared = 0;
    std::vector<std::string> lines;
  };
  Report report;
  std::set<Hash128> wanted;  // buckets to describe

  // Describes wanted buckets by the lines of the store's export that hash to them.
  Status describe(StoreView& view) {
    const auto visit = [&](const CounterBucket& b) -> Result<bool> {
      if (!wanted.count(hash_of(b))) return true;
      QUIPU_ASSIGN(auto line, export_line(view, b, ExportFormat::json));
      report.lines.push_back("the store says: " + line);
      return true;
    };
    return visit_counter_buckets(view, visit, piece_bytes_);
  }

 private:
  using EventVisitor = std::function<Status(const EventBatch&, const Event&)>;

  Hash128 hash_of(const CounterBucket& b) const {
    return bucket_hash(hasher_, b.tenant, b.counter->selector, b.counter->dimension, *b.elements,
                       b.calendar, b.interval, b.label);
  }

  // Reads the committed part of each input, in order; pass the same events in the same order each
  // time.
  Status read_inputs(const EventVisitor& visit) {
    const Plan& plan = registry_.plan().parsed;
    NameLog names;
    Decoder decoder(registry_.plan(), hasher_, registry_, names, registry_.no_offset_zone());
    std::vector<EventBatch> batches(1);
    batches[0].columns = uint32_t(plan.columns.size());
    sequence_number_ = 0;
    for (const AuditedInput& input : inputs_) {
      QUIPU_ASSIGN(auto source, open_audited(input, source_options_of(plan)));
      QUIPU_TRY(decoder.set_header(source->header()));
      bool within = true;
      while (within) {
        QUIPU_ASSIGN(auto block, source->next());
        if (console_.gone()) return Error{"nobody waits for the answer any more"};
        if (block.text.empty()) break;
        BlockRecords records(block);
        while (!block.truncated_line && records.next()) {
          within = records.offset() < input.committed_bytes;
          if (!within) break;
          batches[0].clear();
          const LineOutcome outcome = decoder.decode(records.text(), batches);
          if (outcome.kind == LineOutcome::Kind::event)
            QUIPU_TRY(visit(batches[0], batches[0].events[0]));
        }
        names.take();
      }
      if (source->position().bytes < input.least_bytes)
        return Error{input.path +
                     ": is shorter than what was counted of it, or the segment "
                     "behind it is missing; restore it"};
    }
    return {};
  }

  Status add_id(const EventBatch& batch, const Event& e) {
    const uint64_t sequence = sequence_number_++;
    if (!e.has_id) return {};
    std::string key, content;
    ByteWriter k(key), c(content);
    k.le32(raw(e.tenant));
    k.u8(e.has_profile);
    k.le64(e.profile.lo);
    k.le64(e.profile.hi);
    k.le64(e.id);
    c.le64(uint64_t(month_begin_s(e.month->month()) + int64_t(e.slot) * kQuarterS));
    for (uint32_t r = 0; r < e.rows; ++r) {
      for (uint32_t col = 0; col < batch.columns; ++col) c.le64(batch.row_elements(e, r)[col]);
    }
    for (int v = 0; v < kMaxValues; ++v) {
      if (e.value_mask >> v & 1) c.u8(uint8_t(v));
    }
    for (int v = 0; v < __builtin_popcount(e.value_mask); ++v)
      c.svarint128(batch.values[e.values + size_t(v)]);
    return ids_.add({hasher_.hash128(key), sequence, hasher_.hash64(content)});
  }

  Status find_duplicates() {
    QUIPU_TRY(ids_.finish());
    std::vector<IdRecord> group;
    auto end_group = [&]() -> Status {
      const bool conflict = std::any_of(group.begin(), group.end(), [&](const IdRecord& r) {
        return r.content != group[0].content;
      });
      report.conflicting_ids += conflict;
      for (size_t i = 0; i < group.size(); ++i) {
        if (i > 0 || conflict) QUIPU_TRY(sequences_.add({group[i].sequence, i > 0, conflict}));
      }
      return {};
    };
    IdRecord record;
    while (ids_.next(record)) {
      if (!group.empty() && !(record.key == group[0].key)) {
        QUIPU_TRY(end_group());
        group.clear();
      }
      group.push_back(record);
    }
    if (!group.empty()) QUIPU_TRY(end_group());
    return sequences_.finish();
  }

  Status add_memberships(const EventBatch& batch, const Event& e) {
    SequenceRecord mark{sequence_number_++, 0, 0};
    if (has_sequence_ && sequence_.sequence == mark.sequence) {
      mark = sequence_;
      has_sequence_ = sequences_.next(sequence_);
    }
    ++report.events;
    report.duplicates += mark.duplicate;
    if (mark.duplicate && !mark.conflict) return {};
    Membership m{};
    m.profile = e.profile;
    m.has_profile = e.has_profile;
    m.conflict = mark.conflict;
    m.count = mark.duplicate ? 0 : 1;
    size_t value = e.values;
    for (int v = 0; v < kMaxValues; ++v) {
      if (e.value_mask >> v & 1) m.sums[v] = mark.duplicate ? 0 : batch.values[value++];
    }
    const MonthTable& table = *e.month;
    for (uint32_t r = 0; r < e.rows; ++r) {
      const uint64_t* here = batch.row_here(e, r);
      for (const CompiledSection& section : e.metric->sections) {
        for (uint32_t d = section.first_dimension; d < section.first_dimension + section.dimensions;
             ++d) {
          if (!(here[d / 64] >> (d % 64) & 1)) continue;
          const CompiledDimension& dimension = e.metric->dimensions[d];
          const auto comparable = comparable_.find({section.selector, dimension.id});
          if (comparable == comparable_.end()) continue;
          uint64_t elements[kMaxArity];
          for (int i = 0; i < dimension.arity; ++i)
            elements[i] = batch.row_elements(e, r)[dimension.columns[size_t(i)]];
          const std::span<const uint64_t> value_elements(elements, dimension.arity);
          for (int c = 0; c < table.calendars(); ++c) {
            for (Interval interval :
                 {Interval::hour, Interval::day, Interval::week, Interval::month}) {
              const int64_t label = table.label(table.frame(c, interval), e.slot);
              m.bucket = bucket_hash(hasher_, e.tenant, section.selector, dimension.id,
                                     value_elements, c, interval, label);
              QUIPU_TRY(memberships_.add(m));
            }
          }
          if (comparable->second) {
            m.bucket = bucket_hash(hasher_, e.tenant, section.selector, dimension.id,
                                   value_elements, -1, Interval::hour, 0);
            QUIPU_TRY(memberships_.add(m));
          }
        }
      }
    }
    return {};
  }

  // Counters planned from the beginning: only theirs can be told from the inputs alone.
  Status find_comparable() {
    QUIPU_ASSIGN(auto view, StoreView::open(catalogue_, snapshot_, hasher_));
    for (const SelectorEntry& selector : view->selectors()) {
      for (const Counter& counter :
           view->counters_of(selector.identity, selector.group, selector.name)) {
        if (planned_always(counter.since)) {
          comparable_[{counter.selector, counter.dimension}] =
              planned_always(counter.lifetime_since);
        }
      }
    }
    return {};
  }

  Status read_stored() {
    QUIPU_ASSIGN(auto view, StoreView::open(catalogue_, snapshot_, hasher_));
    const std::vector<ValueId>& ids = registry_.plan().values;
    const auto visit = [&](const CounterBucket& b) -> Result<bool> {
      const auto comparable = comparable_.find({b.counter->selector, b.counter->dimension});
      if (comparable == comparable_.end() || (b.calendar < 0 && !comparable->second)) {
        ++report.not_compared;
        return true;
      }
      StoredBucket s{};
      s.bucket = hash_of(b);
      s.count = b.count;
      s.unique = b.unique;
      s.has_unique = b.counter->planned.unique && planned_always(b.counter->unique_since);
      for (size_t v = 0; v < ids.size(); ++v) {
        if (!(b.counter->planned.sums >> v & 1)) continue;
        const auto since = std::find_if(
            b.counter->sums_since.begin(), b.counter->sums_since.end(),
            [&](const auto& s) { return s.first == registry_.plan().parsed.values[v].name; });
        if (since == b.counter->sums_since.end() || !planned_always(since->second)) continue;
        s.sum_mask |= uint8_t(1 << v);
        if (auto sum = b.sums.find(ids[v]); sum != b.sums.end()) s.sums[v] = sum->second;
      }
      if (Status status = stored_.add(s); !status.ok()) return status.error();
      return true;
    };
    QUIPU_TRY(visit_counter_buckets(*view, visit, piece_bytes_));
    return stored_.finish();
  }

  // Adds up the next bucket of the recount.
  bool next_recounted(StoredBucket& out, bool& conflict) {
    if (!has_membership_ && !started_)
      has_membership_ = memberships_.next(membership_), started_ = true;
    if (!has_membership_) return false;
    out = {};
    out.bucket = membership_.bucket;
    conflict = false;
    while (has_membership_ && membership_.bucket == out.bucket) {
      out.count += membership_.count;
      out.unique += membership_.has_profile && membership_.count > 0;
      conflict = conflict || membership_.conflict;
      for (int v = 0; v < kMaxValues; ++v) out.sums[v] += membership_.sums[v];
      has_membership_ = memberships_.next(membership_);
    }
    return true;
  }

  Status compare() {
    StoredBucket stored, right;
    bool conflict = false;
    bool has_stored = stored_.next(stored), has_right = next_recounted(right, conflict);
    while (has_stored || has_right) {
      const bool take_stored = has_stored && (!has_right || !(right.bucket < stored.bucket));
      const bool take_right = has_right && (!has_stored || !(stored.bucket < right.bucket));
      bool equal = take_stored && take_right && stored.count == right.count &&
                   (!stored.has_unique || stored.unique == right.unique);
      for (int v = 0; v < kMaxValues; ++v)
        equal = equal && (!(stored.sum_mask >> v & 1) || stored.sums[v] == right.sums[v]);
      // A bucket that only ids' other contents touch is in neither.
      if (!take_stored && take_right && right.count == 0) equal = true;
      if (take_right && conflict) {
        ++report.conflicting;
      } else if (equal) {
        ++report.compared;
      } else {
        ++report.compared;
        ++report.different;
        if (report.different <= kMaxShownDifferences) {
          const Hash128 bucket = take_stored ? stored.bucket : right.bucket;
          wanted.insert(bucket);
          report.lines.push_back("recount: " +
                                 (take_right ? "count " + std::to_string(right.count) +
                                                   ", unique " + std::to_string(right.unique)
                                             : std::string("nothing")) +
                                 "; store: " +
                                 (take_stored ? "count " + std::to_string(stored.count) +
                                                    ", unique " + std::to_string(stored.unique)
                                              : std::string("nothing")));
        }
      }
      if (take_stored) has_stored = stored_.next(stored);
      if (take_right) has_right = next_recounted(right, conflict);
    }
    return {};
  }

  const Console& console_;
  const Hasher& hasher_;
  Snapshot& snapshot_;
  Catalogue& catalogue_;
  CatalogueRegistry& registry_;
  const std::string data_folder_;
  std::vector<AuditedInput> inputs_;
  ExternalSort<IdRecord> ids_;
  ExternalSort<SequenceRecord> sequences_;
  ExternalSort<Membership> memberships_;
  ExternalSort<StoredBucket> stored_;
  const size_t piece_bytes_;                                       // of buckets held at a time
  std::map<std::pair<SelectorId, DimensionId>, bool> comparable_;  // value: its lifetime too
  uint64_t sequence_number_ = 0;
  SequenceRecord sequence_{};
  bool has_sequence_ = false;
  Membership membership_{};
  bool has_membership_ = false, started_ = false;
};

}  // namespace

int audit_command(const Arguments& arguments, StoreAccess& access, const Console& console) {
  auto fail = [&](const Error& error) {
    console.err("quipu audit: " + error.message + "\n");
    return kExitError;
  };
  auto plan = read_plan(arguments.plan, arguments.zoneinfo_dir);
  if (!plan.ok()) {
    console.err("quipu audit: " + plan.error().message + "\n");
    return kExitUsage;
  }
  if (arguments.inputs.empty() && !std::filesystem::exists(access.store().folder() + "/journal")) {
    console.err("quipu audit: INPUT is required: the inputs that the store has counted\n");
    return kExitUsage;
  }
  for (const std::string& input : arguments.inputs) {
    if (std::filesystem::exists(input)) continue;
    console.err("quipu audit: " + input + ": no such file\n");
    return kExitUsage;
  }
  auto snapshot = access.snapshot();
  if (!snapshot.ok()) return fail(snapshot.error());
  // A catalogue of its own: what the recount meets must not reach the store.
  auto catalogue = Catalogue::load(**snapshot);
  if (!catalogue.ok()) return fail(catalogue.error());
  const size_t versions = (*catalogue)->plan_versions().size();
  auto registry = CatalogueRegistry::open(std::move(*plan), access.store(), **catalogue,
                                          arguments.zoneinfo_dir, 0);
  if (!registry.ok()) return fail(registry.error());
  if ((*catalogue)->plan_versions().size() != versions) {
    return fail(Error{
        arguments.plan +
        " is not the plan that this store was last counted with; audit compares under that plan"});
  }
  const char* temporary = std::getenv("TMPDIR");
  Auditor auditor(access, **snapshot, **catalogue, **registry, temporary ? temporary : "/tmp",
                  console, access.served() ? kServedSortBytes : kSortBytes);
  if (Status status = auditor.run(arguments.inputs); !status.ok()) return fail(status.error());
  auto view = StoreView::open(**catalogue, **snapshot, access.store().hasher());
  if (!view.ok()) return fail(view.error());
  if (!auditor.wanted.empty()) {
    if (Status status = auditor.describe(**view); !status.ok()) return fail(status.error());
  }
  const Auditor::Report& r = auditor.report;
  for (const std::string& line : r.lines) console.out(line + "\n");
  console.out(with_thousands(r.events) + " events recounted, " + with_thousands(r.duplicates) +
              " duplicates; " + with_thousands(r.compared) + " buckets compared, " +
              with_thousands(r.different) + " different");
  if (r.conflicting_ids) {
    console.out("; " + with_thousands(r.conflicting_ids) + " ids came with different contents, " +
                with_thousands(r.conflicting) +
                " buckets depend on which came first and are not compared");
  }
  if (r.not_compared)
    console.out("; " + with_thousands(r.not_compared) +
                " buckets of counters planned later or retired are not compared");
  console.out("\n");
  return r.different ? kExitError : kExitDone;
}

}  // namespace quipu
