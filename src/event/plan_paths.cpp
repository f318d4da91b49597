#include "event/plan_paths.h"

#include <algorithm>
#include <map>
#include <utility>

namespace quipu {

PlanPaths::PlanPaths(const Plan& p) : plan(p) {
  tenant = field(plan.tenant);
  metric = field(plan.metric);
  profile = field(plan.profile);
  id = field(plan.id);
  time = index(plan.time.path);
  std::vector<const Path*> one_of{&plan.time.path};
  for (const Path& path : plan.time.others) {
    time_others.push_back(index(path));
    one_of.push_back(&path);
  }
  needed.push_back(std::move(one_of));
  for (const Path& path : plan.time.then) {
    time_then.push_back(index(path));
    needed.push_back({&path});
  }
  for (const ValueField& value : plan.values) values.push_back(field(value.field));

  for (const Column& c : plan.columns)
    if (!c.is_when) columns.push_back(column(plan.properties[c.property]));
  // Columns that walk one array together: the same path up to its `*`, or the same path without
  // one.
  std::map<std::pair<ColumnValues::Kind, uint32_t>, uint32_t> group_of;
  for (ColumnValues& c : columns) {
    const ColumnValues::Kind kind =
        c.kind == ColumnValues::Kind::each ? ColumnValues::Kind::within : c.kind;
    c.group = group_of.try_emplace({kind, c.index}, uint32_t(group_of.size())).first->second;
  }
  groups = uint32_t(group_of.size());
  for (const Property& property : plan.properties)
    if (std::find(column_order.begin(), column_order.end(), property.column) == column_order.end())
      column_order.push_back(property.column);
  trie.finish(found);
}

FieldValues PlanPaths::field(const Field& field) {
  FieldValues out;
  out.field = &field;
  for (const Path& path : field.paths) out.indexes.push_back(index(path));
  if (field.kind == Field::Kind::all) {
    for (const Path& path : field.paths) needed.push_back({&path});
  } else if (field.kind == Field::Kind::first && !field.else_time_to_second) {
    std::vector<const Path*>& any = needed.emplace_back();
    for (const Path& path : field.paths) any.push_back(&path);
  }
  return out;
}

uint32_t PlanPaths::index(const Path& path) {
  const uint32_t index = trie.add_path(path.tokens);
  if (plan.input.delimited &&
      std::none_of(tokens.begin(), tokens.end(), [&](const Token& t) { return t.index == index; }))
    tokens.push_back({path.tokens.front(), index});
  return index;
}
ColumnValues PlanPaths::column(const Property& property) {
  ColumnValues out;
  out.property = &property;
  const std::span<const std::string> path = property.path.tokens;
  if (property.present || plan.input.delimited) {
    out.kind = property.present ? ColumnValues::Kind::present : ColumnValues::Kind::plain;
    out.in_arrays = false;
    out.index = index(property.path);
    if (!property.skip_missing) needed.push_back({&property.path});
    return out;
  }
  const size_t star = property.path.star < 0 ? path.size() : size_t(property.path.star);
  const std::span<const std::string> rest =
      star < path.size() ? path.subspan(star + 1) : path.last(0);
  const PathTrie::WalkValue where = trie.add_walk(path.first(star), rest);
  out.index = where.array;
  out.walk = where.walk;
  out.position = where.position;
  if (star < path.size())
    out.kind = rest.empty() ? ColumnValues::Kind::each : ColumnValues::Kind::within;
  return out;
}

}  // namespace quipu
