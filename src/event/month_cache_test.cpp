// Tables of months live as long as a batch whose events point to them needs them.
#include <gtest/gtest.h>

#include <set>

#include "event/decode.h"
#include "event/plan_registry.h"
#include "time/parse_time.h"

namespace quipu {
namespace {

// Makes a table each time it is asked for one, and knows which are alive.
class CountingDirectory : public EventRegistry {
 public:
  explicit CountingDirectory(PlanRegistry& plan) : plan_(plan) {}
  const Tenant* tenant(std::string_view name) override { return plan_.tenant(name); }
  const CompiledMetric* metric(std::string_view name) override { return plan_.metric(name); }
  std::shared_ptr<const MonthTable> month(const Tenant& tenant, MonthIndex month) override {
    auto copy = std::make_shared<const MonthTable>(*plan_.month(tenant, month));
    given_.push_back(copy);
    return copy;
  }
  std::set<const MonthTable*> alive() const {
    std::set<const MonthTable*> set;
    for (const auto& table : given_)
      if (auto held = table.lock()) set.insert(held.get());
    return set;
  }

 private:
  PlanRegistry& plan_;
  std::vector<std::weak_ptr<const MonthTable>> given_;
};

class MonthCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    auto plan = Plan::parse(
        "quipu: 1\nevent: {tenant: {const: t}, metric: {const: m}, profile: /who, time: /at}\n"
        "count: [{metrics: \"*\", by: [[]]}]\n",
        "plan.yaml", ".");
    ASSERT_TRUE(plan.ok());
    plan_directory_ = std::move(PlanRegistry::open(std::move(*plan))).value();
    registry_ = std::make_unique<CountingDirectory>(*plan_directory_);
    decoder_ = std::make_unique<Decoder>(plan_directory_->plan(), hasher_, *registry_, names_,
                                         plan_directory_->no_offset());
    batches_.resize(2);
  }
  void decode(int month) {
    const std::string at = format_instant(month_begin_s(MonthIndex(month)), 0);
    const LineOutcome outcome = decoder_->decode(
        "{\"who\":\"p" + std::to_string(month % 10) + "\",\"at\":\"" + at + "\"}", batches_);
    ASSERT_EQ(outcome.kind, LineOutcome::Kind::event);
  }
  void expect_alive(const EventBatch& batch) const {
    const auto alive = registry_->alive();
    for (const Event& event : batch.events) ASSERT_TRUE(alive.contains(event.month));
  }

  std::unique_ptr<PlanRegistry> plan_directory_;
  std::unique_ptr<CountingDirectory> registry_;
  Hasher hasher_{HashSecret{}, 64};
  NameLog names_;
  std::vector<EventBatch> batches_;
  std::unique_ptr<Decoder> decoder_;
};

TEST_F(MonthCacheTest, ATableLivesUntilTheBatchesBehindThoseThatPointToItAreDone) {
  for (int month = 0; month < kMonths; ++month) decode(month);
  for (const EventBatch& batch : batches_) {
    ASSERT_GT(batch.events.size(), 500u);
    EXPECT_GT(batch.tables_given_up.size(), 500u) << "the months do not all fit";
    EXPECT_GT(batch.given_up_bytes, batch.tables_given_up.size() * 100);
    expect_alive(batch);
  }
  // Those that are sent point to tables that the decoder gives up only now.
  std::vector<EventBatch> sent = std::move(batches_);
  batches_ = std::vector<EventBatch>(2);
  for (int month = kMonths - 1; month >= 0; --month) decode(month);
  for (int shard = 0; shard < 2; ++shard) {
    expect_alive(sent[size_t(shard)]);
    sent[size_t(shard)].clear();
    expect_alive(batches_[size_t(shard)]);
  }
  // Nothing that is done keeps any; the decoder's own go with the last of it and of its batches.
  decoder_.reset();
  for (const EventBatch& batch : batches_) expect_alive(batch);
  batches_[0].clear();
  expect_alive(batches_[1]);
  batches_[1].clear();
  EXPECT_TRUE(registry_->alive().empty());
}

}  // namespace
}  // namespace quipu
