// Names through the whole store: committed in rows, found in snapshots.
#include "store/name_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <map>
#include <random>
#include <set>
#include <tuple>

#include "store/names.h"
#include "store/store_impl.h"
#include "store/store_model.h"

namespace quipu {
namespace {

using testing::HasSubstr;
using Texts = std::vector<std::string>;

class NamesOfStore : public ::testing::Test {
 protected:
  NamesOfStore() { reopen(); }

  void reopen() {
    store_.reset();
    auto opened = StoreImpl::open(folder_ / "data", test_options());
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = std::move(*opened);
  }
  const Database& inner() { return store_->database(); }

  void add(uint32_t tenant, uint32_t property, uint64_t element, const std::string& text) {
    pending_.add({TenantId(tenant), PropertyId(property), element, text});
    model_[{tenant, property, element}].insert(text);
  }
  void add_random(uint32_t tenant, uint32_t property, size_t count) {
    for (size_t i = 0; i < count; ++i)
      add(tenant, property, random_(), "text " + std::to_string(model_.size()));
  }
  CommitStats commit(TestWay way = TestWay::batch) {
    CheckpointWrite write;
    write.state.checkpoint = ++checkpoint_;
    write.expected_bytes = test_bytes(way, checkpoint_);
    write.names.push_back(std::move(pending_));
    pending_ = NameBatch();
    auto stats = store_->commit(std::move(write));
    EXPECT_TRUE(stats.ok()) << stats.error().message;
    return stats.ok() ? *stats : CommitStats();
  }
  void put(const std::string& key, const std::string& row) {
    ASSERT_TRUE(inner().db()->Put({}, inner().family(Family::names), key, row).ok());
  }

  // Prefix bits -> names in the fullest row.
  std::map<int, size_t> lengths_of(uint32_t tenant, uint32_t property) {
    std::map<int, size_t> lengths;
    std::unique_ptr<rocksdb::Iterator> it(
        inner().db()->NewIterator({}, inner().family(Family::names)));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      const auto bits = prefix_bits_of({it->key().data(), it->key().size()}, TenantId(tenant),
                                       PropertyId(property));
      if (!bits) continue;
      const auto names = decode_names({it->value().data(), it->value().size()});
      EXPECT_TRUE(names.has_value());
      if (names) lengths[*bits] = std::max(lengths[*bits], names->size());
    }
    EXPECT_TRUE(it->status().ok());
    return lengths;
  }

  // The first name that is not as the model has it; "" if there is none.
  std::string difference() {
    const auto snapshot = store_->snapshot();
    for (const auto& [of, texts] : model_) {
      const auto [tenant, property, element] = of;
      const auto found = snapshot->names(TenantId(tenant), PropertyId(property), element);
      if (!found.ok()) return found.error().message;
      if (*found != Texts(texts.begin(), texts.end()))
        return "element " + std::to_string(element) + " of property " + std::to_string(property);
    }
    return difference_of_many(*snapshot);
  }
  // The same of all elements of a property at once, and of its scan.
  std::string difference_of_many(Snapshot& snapshot) {
    std::map<std::pair<uint32_t, uint32_t>, std::map<uint64_t, std::set<std::string>>> right;
    for (const auto& [of, texts] : model_)
      right[{std::get<0>(of), std::get<1>(of)}][std::get<2>(of)] = texts;
    for (auto& [of, texts] : right) {
      const auto [tenant, property] = of;
      std::map<uint64_t, std::set<std::string>> scanned, found;
      const auto status = snapshot.scan_names(TenantId(tenant), PropertyId(property),
                                              [&](uint64_t element, std::string_view text) {
                                                return scanned[element].emplace(text), true;
                                              });
      if (!status.ok()) return status.error().message;
      if (scanned != texts) return "scan of property " + std::to_string(property);
      std::vector<uint64_t> elements;
      for (const auto& [element, its] : texts) elements.push_back(element);
      const auto one = snapshot.names_of(
          TenantId(tenant), PropertyId(property), elements,
          [&](size_t i, std::string_view text) { found[elements[i]].emplace(text); });
      if (!one.ok()) return one.error().message;
      if (found != texts) return "all of property " + std::to_string(property);
    }
    return "";
  }

  TestFolder folder_;
  std::unique_ptr<StoreImpl> store_;
  uint64_t checkpoint_ = 0;
  NameBatch pending_;
  std::map<std::tuple<uint32_t, uint32_t, uint64_t>, std::set<std::string>> model_;
  std::mt19937_64 random_{std::random_device{}()};
};

TEST_F(NamesOfStore, AreAllFoundUnderHoweverManyLengthsTheyLie) {
  const uint64_t seed = random_();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  random_.seed(seed);
  for (size_t count : {1, 10, 200, 1'000, 3'000, 10'000, 5}) {
    add_random(1, 2, count);
    add_random(1, 3, 2);  // neighbours with one short length
    add_random(2, 2, 2);
    commit(TestWay::mixed);
  }
  const auto some = std::next(model_.begin(), 20);
  add(1, 2, std::get<2>(some->first), "another text of it");
  commit();
  ASSERT_GE(lengths_of(1, 2).size(), 4u);
  EXPECT_EQ(lengths_of(1, 3).size(), 1u);
  EXPECT_EQ(difference(), "");
  reopen();
  EXPECT_EQ(difference(), "") << "after reopening";
  ASSERT_TRUE(inner().db()->CompactRange({}, inner().family(Family::names), nullptr, nullptr).ok());
  EXPECT_EQ(difference(), "") << "after compaction";
  add_random(1, 2, 100);
  commit();
  EXPECT_EQ(difference(), "");
}

TEST_F(NamesOfStore, OfOneElementAreAllFoundWhateverLengthEachLiesUnder) {
  add(1, 1, 77, "red");
  commit();
  add_random(1, 1, 5'000);
  add(1, 1, 77, "blue");
  add(1, 1, 77, "red");
  commit();
  EXPECT_EQ(*store_->snapshot()->names(TenantId(1), PropertyId(1), 77), (Texts{"blue", "red"}));
  ASSERT_GE(lengths_of(1, 1).size(), 2u);
}

TEST_F(NamesOfStore, AreOfTheirTenantAndPropertyOnly) {
  for (uint32_t tenant : {1, 2, 3}) {
    for (uint32_t property : {1, 2, 3}) {
      if (tenant == 2 && property == 2) continue;
      add(tenant, property, 5, std::to_string(tenant) + "/" + std::to_string(property));
      add_random(tenant, property, tenant == 1 ? 500 : 1);
    }
  }
  commit();
  EXPECT_EQ(difference(), "");
  const auto snapshot = store_->snapshot();
  EXPECT_EQ(*snapshot->names(TenantId(2), PropertyId(2), 5), Texts());
  EXPECT_EQ(*snapshot->names(TenantId(1), PropertyId(1), 6), Texts())
      << "an element that no name has";
  EXPECT_EQ(*snapshot->names(TenantId(1), PropertyId(4), 5), Texts());
  EXPECT_EQ(*snapshot->names(TenantId(4), PropertyId(1), 5), Texts());
  EXPECT_EQ(*snapshot->names(TenantId(0), PropertyId(0), 0), Texts())
      << "where the count of commits lies";
}

TEST_F(NamesOfStore, OfASnapshotAreThoseOfItsCheckpoint) {
  add(1, 1, 5, "one");
  commit();
  const auto old = store_->snapshot();
  add(1, 1, 5, "two");
  add_random(1, 1, 1'000);
  commit();
  EXPECT_EQ(*old->names(TenantId(1), PropertyId(1), 5), Texts{"one"});
  EXPECT_EQ(*old->names(TenantId(1), PropertyId(1), std::get<2>(model_.rbegin()->first)), Texts());
  EXPECT_EQ(difference(), "");
}

TEST_F(NamesOfStore, DoNotFillOneRowHoweverOftenTheStoreIsOpened) {
  for (int i = 0; i < 60; ++i) {
    add_random(1, 1, 1'000);
    commit(TestWay::mixed);
    reopen();
  }
  for (const auto& [bits, names] : lengths_of(1, 1))
    EXPECT_LE(names, 2 * ChunkLengths::kGrowth * size_t(kNamesOfRow)) << bits << " bits";
  EXPECT_EQ(difference(), "");
}

TEST_F(NamesOfStore, AreCountedWithTheirRows) {
  add(1, 1, 5, "one");
  add(1, 1, 6, "two");
  add(1, 1, 6, "two");
  const CommitStats stats = commit();
  EXPECT_EQ(stats.names, 3u);
  EXPECT_EQ(stats.name_rows, 1u);
  EXPECT_EQ(stats.name_bytes, 13u + 5 + 2 * 12 + 6);
}

TEST_F(NamesOfStore, OfADamagedRowAreAnErrorToReaderAndWriter) {
  add(1, 1, 5, "one");
  commit();
  for (const bool key_damaged : {false, true}) {
    std::string key;
    if (key_damaged) {
      NameKey{TenantId(1), PropertyId(2), 200, 0}.append_to(key);
    } else {
      name_key(TenantId(1), PropertyId(2), 0, 5).append_to(key);
    }
    put(key, key_damaged ? encode_names(std::vector<Name>{{5, "one"}}) : "no row");
    const auto found = store_->snapshot()->names(TenantId(1), PropertyId(2), 5);
    ASSERT_FALSE(found.ok());
    EXPECT_THAT(found.error().message, HasSubstr("damaged"));
    if (key_damaged) continue;
    CheckpointWrite write;
    write.state.checkpoint = checkpoint_ + 1;
    write.expected_bytes = 1;
    write.names.emplace_back().add({TenantId(1), PropertyId(2), 6, "two"});
    const auto written = store_->commit(std::move(write));
    ASSERT_FALSE(written.ok());
    EXPECT_THAT(written.error().message, HasSubstr("damaged"));
    ASSERT_TRUE(inner().db()->Delete({}, inner().family(Family::names), key).ok());
  }
  EXPECT_EQ(difference(), "") << "of another property";
}

}  // namespace
}  // namespace quipu
