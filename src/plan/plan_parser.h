// From a plan's tree to a Plan. Internal to the room. One parser reads one plan; one thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "plan/plan.h"
#include "plan/plan_node.h"

namespace quipu {

inline constexpr size_t kMaxPathBytes = 1024;
inline constexpr size_t kMaxPathTokens = 64;       // as deep as a line may be nested
inline constexpr size_t kMaxPropertyNames = 1024;  // several names may share a definition
inline constexpr size_t kMaxWhenValues = 1000;     // of a property in a `when`
inline constexpr size_t kMaxTenantsFileBytes = size_t(64) << 20;
inline constexpr size_t kMaxIdentityBytes = size_t(64) << 20;  // of all rules' dimensions

class PlanParser {
 public:
  // A plan file: its tenants file is read from `folder`, its zones are checked.
  PlanParser(std::string file, std::string folder, std::string zoneinfo_dir)
      : file_(std::move(file)),
        folder_(std::move(folder)),
        zoneinfo_dir_(std::move(zoneinfo_dir)) {}
  // A stored plan with the content of its tenants file, if it names one.
  PlanParser(std::string file, std::optional<std::string> tenants)
      : file_(std::move(file)), stored_(true), stored_tenants_(std::move(tenants)) {}
  Result<Plan> parse(std::string_view text);

 private:
  // plan_parser.cpp
  Status read_root(const PlanNode& root);
  Status read_input(const PlanNode& node);
  Status read_properties(const PlanNode& node);
  Status read_path(const PlanNode& node, bool star, Path& out) const;
  Status check_column_path(const PlanNode& node, const Path& path) const;
  std::string zone_problem(const std::string& zone);  // "" if the zone is known

  // plan_parser_event.cpp
  enum class FieldUse { plain, profile, id, value };
  Status read_event(const PlanNode& node);
  Status read_field(const PlanNode& node, FieldUse use, Field& out) const;
  Status read_alternatives(const PlanNode& node, Field& out) const;
  Status read_constant(const PlanNode& node, FieldUse use, Field& out) const;
  Status read_paths(const PlanNode& node, std::vector<Path>& out) const;
  Status read_time(const PlanNode& node);
  Status read_values(const PlanNode& node);

  // plan_parser_calendars.cpp
  Status read_calendars(const PlanNode& node);
  Status read_calendar_list(const PlanNode& node, std::vector<Calendar>& out);
  Status read_calendar(const PlanNode& node, std::vector<Calendar>& out);
  Status read_tenants(const PlanNode& node);
  Status read_tenants_file(const PlanNode& node);
  Status read_tenants_csv(const std::string& text, const std::string& file);

  // plan_parser_count.cpp
  Status read_count(const PlanNode& node);
  Status read_rule(const PlanNode& node);
  Status read_metrics(const PlanNode& node, Plan::Rule& rule) const;
  Status read_when(const PlanNode& node, std::optional<uint16_t>& out);  // its index in whens_
  Status read_lists(const PlanNode& rule, std::vector<std::vector<uint16_t>>& lists) const;
  Status read_combinations(const PlanNode& node, std::vector<std::vector<uint16_t>>& lists) const;
  Status read_property_list(const PlanNode& node, std::vector<uint16_t>& out) const;
  Status find_property(const PlanNode& node, const std::string& name, uint16_t& out) const;
  Status read_sums(const PlanNode& node, uint8_t& sums) const;
  Status add_dimensions(const PlanNode& node, const std::vector<std::vector<uint16_t>>& lists,
                        const PlannedDimension& flags, Plan::Rule& rule);
  Status check_groups() const;
  void number_when_columns();
  Status check_dimensions_of_metrics() const;

  std::string file_;
  std::string folder_;
  std::string zoneinfo_dir_;
  bool stored_ = false;
  std::optional<std::string> stored_tenants_;

  Plan plan_;
  std::map<std::string, uint16_t, std::less<>> property_by_name_;
  std::map<std::string, std::string> zone_problems_;  // zones met: what is wrong with them, or ""
  std::vector<Column> whens_;  // in order of first use; numbered when all are known
  std::vector<Place> rule_places_;
  size_t identity_bytes_ = 0;
};

// Canonical JSON texts that name definitions for ever.
std::string property_identity(const Property& property);
std::string dimension_identity(const std::vector<Column>& columns,
                               const std::vector<uint16_t>& sorted, const Column* when);

// Adds a dimension to a list, or to the one of its identity (decision 3). at: identity -> index in
// the list.
void unite_dimension(const PlannedDimension& dimension, std::vector<PlannedDimension>& list,
                     std::unordered_map<std::string, size_t>& at);

// Tenant and metric names are compared with what events give: a name that the field's trim or
// lowercase would change can never be met. The canonical name, or what is wrong.
Status canonical_name(const std::string& name, const Field& field, const char* field_name,
                      std::string& out);

}  // namespace quipu
