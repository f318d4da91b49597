// What a store can be asked: its counters by name, from one snapshot, its catalogue and its newest
// plan (for the names of properties). One thread; cheap to make. Catalogue and snapshot outlive it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "query/read_budget.h"
#include "store/catalogue.h"
#include "store/pinned_tables.h"
#include "store/store.h"

namespace quipu {

inline constexpr size_t kNamesOffered = 3;  // near ones, where a question's name is not there
inline constexpr size_t kNamesListed = 40;  // of all there are, in such a message

// [from, to): checkpoints and wall times between which a counter was planned; to 0 = still.
struct SinceSpan {
  uint64_t from_checkpoint = 0, to_checkpoint = 0;
  int64_t from_time_s = 0, to_time_s = 0;
  int64_t reached_s = 0;  // every event counted before it is earlier than this; 0: there was none
  bool operator==(const SinceSpan&) const = default;
};

// A counter as planned: a metric's or group's dimension.
struct Counter {
  std::string selector_identity;
  bool group = false;
  std::string selector_name;
  SelectorId selector{};       // none: nothing was ever counted in it
  PlannedDimension planned;    // of the newest plan that has it
  const Plan* plan = nullptr;  // that plan (names of properties)
  DimensionId dimension{};
  std::vector<std::string> names;  // of planned.properties, in order
  bool retired = false;            // not in the newest plan
  std::vector<SinceSpan> since, unique_since, lifetime_since;
  std::vector<std::pair<std::string, std::vector<SinceSpan>>>
      sums_since;  // value name -> spans; also the list of sums
};

// What a name is meant to be: a metric and a `together` group may have one name.
enum class NameKind : uint8_t { either, metric, group };

class StoreView {
 public:
  static Result<std::unique_ptr<StoreView>> open(const Catalogue& catalogue, Snapshot& snapshot,
                                                 const Hasher& hasher);

  const Plan& plan() const { return plans_.back(); }
  const std::vector<Plan>& plans() const { return plans_; }  // every version's, the newest last
  const Catalogue& catalogue() const { return catalogue_; }
  Snapshot& snapshot() const { return snapshot_; }
  // From here on: what may be read. nullptr: as much as is asked for. It outlives its use.
  void set_budget(ReadBudget* budget) { budget_ = budget; }
  Status spend(uint64_t rows) { return budget_ ? budget_->spend(rows) : Status(); }
  const Hasher& hasher() const { return hasher_; }

  // Tenants with counted events.
  const std::vector<std::pair<TenantId, std::string>>& tenants() const { return tenants_; }
  // A tenant by name; without one, the only tenant. Errors name near ones.
  Result<TenantId> tenant(const std::optional<std::string>& name) const;
  const std::vector<Calendar>& calendars(TenantId tenant) const;
  Result<int> calendar(TenantId tenant,
                       const std::optional<std::string>& name) const;  // default: the first

  // All counters of a metric or `together` name, every plan version's, met or not; an unknown name
  // is an error with near names. A name of both means the group if that stands in the store's first
  // plan, so that it never meant the metric; else it is an error with the two ways to say it. The
  // vector is empty only if no rule ever counted it.
  Result<std::vector<Counter>> counters(const std::string& name,
                                        NameKind kind = NameKind::either) const;
  // Every selector with counted events, metrics first, by name.
  std::vector<SelectorEntry> selectors() const;
  // And those that some plan names and no event met.
  std::vector<SelectorEntry> known_selectors() const;
  std::vector<Counter> counters_of(const std::string& selector_identity, bool group,
                                   const std::string& name) const;

  Result<std::shared_ptr<const MonthTable>> table(TenantId tenant, MonthIndex month);
  // The rules of a calendar's zone that a month's instants are judged by.
  Result<std::shared_ptr<const ZoneRules>> zone(TenantId tenant, int calendar, MonthIndex month);

  // The text of an element; an error if the dictionary holds two for it, or none.
  Result<std::string> name(TenantId tenant, PropertyId property, uint64_t element);
  // An error if the dictionary holds two texts for the element: whoever asks for one would get
  // both.
  Status check_one_name(TenantId tenant, PropertyId property, uint64_t element);
  // The same of many elements, in less time: names() gives their texts in their order; those of
  // check_one_names() must rise.
  Result<std::vector<std::string>> names(TenantId tenant, PropertyId property,
                                         std::span<const uint64_t> elements);
  // Keeps those of so many that will be asked for one by one.
  Status name_ahead(TenantId tenant, PropertyId property, std::vector<uint64_t> elements);
  void forget_names() {
    names_.clear();
    name_bytes_ = 0;
  }
  Status check_one_names(TenantId tenant, PropertyId property, std::span<const uint64_t> elements);

 private:
  StoreView(const Catalogue& catalogue, Snapshot& snapshot, const Hasher& hasher)
      : catalogue_(catalogue),
        snapshot_(snapshot),
        hasher_(hasher),
        tables_(catalogue, [&catalogue, &snapshot](TenantId t, MonthIndex m) {
          return catalogue.pin(snapshot, t, m);
        }) {}
  const Catalogue& catalogue_;
  Snapshot& snapshot_;
  const Hasher& hasher_;
  uint32_t set_of(TenantId tenant);
  void remember(TenantId tenant, PropertyId property, uint64_t element, const std::string& text);

  PinnedTables tables_;
  ReadBudget* budget_ = nullptr;
  std::vector<PlanVersionEntry> versions_;
  std::vector<Plan> plans_;
  std::vector<std::pair<TenantId, std::string>> tenants_;
  std::map<TenantId, std::vector<Calendar>> calendars_;
  std::map<TenantId, uint32_t> sets_;                    // of tables_
  static constexpr size_t kNameBytes = size_t(4) << 20;  // kept; then all are dropped
  static constexpr size_t kBytesOfName = 128;            // beside its text
  static constexpr size_t kManyNames = 4096;             // at once: they are not kept
  std::map<std::tuple<uint32_t, uint32_t, uint64_t>, std::string> names_;
  size_t name_bytes_ = 0;
};

}  // namespace quipu
