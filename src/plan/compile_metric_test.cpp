#include "plan/compile_metric.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

namespace quipu {
namespace {

constexpr char kEvent[] =
    "quipu: 1\nevent: {tenant: {const: t}, metric: /m, time: /t, values: {a: /a, b: /b}}\n"
    "properties: {x: /x, y: {at: /y, missing: skip}, z: /z, never: /n}\ncount:\n";

Plan parsed(const std::string& count) {
  auto plan = Plan::parse(kEvent + count, "test.yaml", ".");
  if (!plan.ok()) ADD_FAILURE() << plan.error().message;
  return std::move(plan).value();
}

// Plans of several versions, with ids given out in order of asking.
class Rig {
 public:
  explicit Rig(const std::vector<std::string>& counts) {
    for (const std::string& count : counts) plans_.push_back(std::make_unique<Plan>(parsed(count)));
    plan_.parsed = *plans_.back();
    plan_.version = PlanVersion(counts.size());
    for (size_t i = 0; i < plan_.parsed.columns.size(); ++i)
      plan_.columns.push_back(PropertyId(100 + i));
    plan_.values = {7, 3};
  }
  CompiledMetric compile(const std::string& metric) {
    IdSource ids;
    ids.selector = [&](const Selector& s) { return SelectorId(id(selectors, s.identity())); };
    ids.dimension = [&](const std::string& identity) {
      return DimensionId(id(dimensions, identity));
    };
    ids.layout = [&](const SectionLayout& layout) {
      layouts.push_back(layout);
      return LayoutId(layouts.size());
    };
    std::vector<const Plan*> versions = {nullptr};
    for (const auto& plan : plans_) versions.push_back(plan.get());
    return compile_metric(plan_, metric, versions, ids);
  }
  uint8_t column(const std::string& property) const {
    for (const Property& p : plan_.parsed.properties)
      if (p.name == property) return uint8_t(p.column);
    return 255;
  }
  const Plan& plan() const { return plan_.parsed; }

  std::map<std::string, uint32_t> selectors, dimensions;
  std::vector<SectionLayout> layouts;

 private:
  static uint32_t id(std::map<std::string, uint32_t>& ids, const std::string& identity) {
    return ids.try_emplace(identity, uint32_t(ids.size()) + 1).first->second;
  }
  std::vector<std::unique_ptr<Plan>> plans_;
  CompiledPlan plan_;
};

bool bit(const std::vector<uint64_t>& bitmap, uint32_t i) {
  return bitmap.at(i / 64) >> i % 64 & 1;
}
size_t bits(const std::vector<uint64_t>& bitmap) {
  size_t n = 0;
  for (uint32_t i = 0; i < bitmap.size() * 64; ++i) n += bit(bitmap, i);
  return n;
}

TEST(CompileMetric, SectionsBeginAtBlocksAndBitsOfOneAreItsDimensions) {
  Rig rig(
      {"  - {metrics: [m, n], by: [[], x, [x, y]], sum: [a]}\n"
       "  - {metrics: [n, m], together: Both, by: [[], z], lifetime: yes}\n"
       "  - {metrics: \"*\", together: All, by: [x], unique: no}\n"});
  const CompiledMetric m = rig.compile("m");
  EXPECT_EQ(m.name, "m");
  EXPECT_EQ(m.bitmap_words, 3u);
  ASSERT_EQ(m.sections.size(), 3u);
  EXPECT_EQ(m.dimensions.size(), 192u);
  EXPECT_FALSE(m.sections[0].group);
  EXPECT_EQ(m.sections[0].selector, m.metric);
  size_t planned = 0;
  std::set<uint32_t> ids;
  for (const CompiledSection& s : m.sections) {
    EXPECT_EQ(s.first_dimension % 64, 0u);
    for (uint32_t d = 0; d < s.dimensions; ++d) {
      EXPECT_TRUE(bit(m.planned, s.first_dimension + d));
      EXPECT_NE(m.dimensions[s.first_dimension + d].id, DimensionId::none);
    }
    planned += s.dimensions;
  }
  EXPECT_EQ(planned, 6u);
  EXPECT_EQ(bits(m.planned), planned);
  EXPECT_EQ(bits(m.unique), 5u);
  EXPECT_EQ(bits(m.lifetime), 2u);
  EXPECT_TRUE(m.has_lifetime);
  const std::vector<uint8_t> used = {rig.column("x"), rig.column("y"), rig.column("z")};
  EXPECT_TRUE(std::is_permutation(m.columns.begin(), m.columns.end(), used.begin(), used.end()));
  EXPECT_TRUE(std::is_sorted(m.columns.begin(), m.columns.end()));

  const auto both = std::find_if(m.sections.begin(), m.sections.end(),
                                 [](auto& s) { return s.group && !s.all_metrics; });
  const auto all =
      std::find_if(m.sections.begin(), m.sections.end(), [](auto& s) { return s.all_metrics; });
  ASSERT_NE(both, m.sections.end());
  ASSERT_NE(all, m.sections.end());
  const CompiledMetric n = rig.compile("n");
  std::vector<SelectorId> members = {m.metric, n.metric};
  std::sort(members.begin(), members.end());
  EXPECT_EQ(both->members, members);
  EXPECT_TRUE(all->members.empty());
  const CompiledMetric other = rig.compile("other");
  EXPECT_EQ(other.sections.size(), 1u) << "of the group of all metrics";
  EXPECT_EQ(other.sections[0].selector, all->selector);
  EXPECT_NE(other.metric, m.metric);
}

TEST(CompileMetric, GatesAreSkippedPropertiesAndWhens) {
  Rig rig(
      {"  - {metrics: [m], by: [x, y, [x, y]]}\n  - {metrics: [m], when: {z: [one]}, by: [[], "
       "y]}\n"});
  const CompiledMetric m = rig.compile("m");
  ASSERT_EQ(m.gates.size(), 2u);
  for (const CompiledMetric::Gate& gate : m.gates) {
    const bool is_when = rig.plan().columns[gate.column].is_when;
    if (!is_when) {
      EXPECT_EQ(gate.column, rig.column("y"));
    }
    EXPECT_EQ(bits(gate.dimensions), is_when ? 2u : 3u);
    for (uint32_t d = 0; d < 64; ++d) {
      const auto& c = m.dimensions[d].columns;
      EXPECT_EQ(bit(gate.dimensions, d),
                std::find(c.begin(), c.begin() + m.dimensions[d].compared, gate.column) !=
                    c.begin() + m.dimensions[d].compared);
    }
  }
  EXPECT_EQ(std::count(m.columns.begin(), m.columns.end(), rig.column("z")), 0)
      << "a `when`'s property is no column of rows";
}

TEST(CompileMetric, LayoutsSayHowToExpandRowsWithoutThePlan) {
  Rig rig(
      {"  - {metrics: [m], by: [[], [x, y], z], sum: [b]}\n  - {metrics: [m], by: [z], lifetime: "
       "yes}\n"});
  const CompiledMetric m = rig.compile("m");
  ASSERT_EQ(rig.layouts.size(), 1u);
  EXPECT_EQ(m.sections[0].layout, LayoutId(1));
  const SectionLayout& layout = rig.layouts[0];
  ASSERT_EQ(layout.columns.size(), 3u);
  ASSERT_EQ(layout.dimensions.size(), 3u);
  for (size_t d = 0; d < 3; ++d) {
    EXPECT_EQ(layout.dimensions[d].id, m.dimensions[d].id);
    EXPECT_EQ(layout.dimensions[d].sums, std::vector<ValueId>{3}) << "the catalogue's number of b";
    EXPECT_TRUE(layout.dimensions[d].unique);
    EXPECT_EQ(layout.dimensions[d].lifetime, m.dimensions[d].lifetime);
    ASSERT_EQ(layout.dimensions[d].positions.size(), m.dimensions[d].arity);
    for (size_t k = 0; k < m.dimensions[d].arity; ++k)
      EXPECT_EQ(layout.columns[layout.dimensions[d].positions[k]],
                PropertyId(100 + m.dimensions[d].columns[k]));
  }
}

TEST(CompileMetric, DimensionsWereAliveUnderTheVersionsThatCountedTheirUniques) {
  Rig rig({"  - {metrics: [m], by: [[], x]}\n",
           "  - {metrics: [m], by: [z]}\n  - {metrics: [m], by: [x], unique: no}\n  - {metrics: "
           "[m], together: G, by: [[]]}\n",
           "  - {metrics: [m], by: [x, z, []]}\n  - {metrics: [m], together: G, by: [[]]}\n  - "
           "{metrics: [m, n], together: H, by: [[]]}\n"});
  const CompiledMetric m = rig.compile("m");
  ASSERT_EQ(m.unique_alive.size(), 4u);
  EXPECT_EQ(m.unique_alive[3], m.unique);
  auto alive = [&](size_t version) {
    std::set<std::string> out;
    for (const CompiledSection& s : m.sections)
      for (uint32_t d = s.first_dimension; d < s.first_dimension + s.dimensions; ++d)
        if (bit(m.unique_alive[version], d)) {
          std::string name = s.group ? "group " : "";
          for (size_t k = 0; k < m.dimensions[d].arity; ++k)
            name +=
                rig.plan().properties[rig.plan().columns[m.dimensions[d].columns[k]].property].name;
          out.insert(name);
        }
    return out;
  };
  EXPECT_EQ(alive(1), (std::set<std::string>{"", "x"}));
  EXPECT_EQ(alive(2), (std::set<std::string>{"z", "group "}));
  EXPECT_EQ(bits(m.unique_alive[2]), 2u) << "of the groups G only";
}

}  // namespace
}  // namespace quipu
