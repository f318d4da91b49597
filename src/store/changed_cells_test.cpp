#include "store/changed_cells.h"

#include <gtest/gtest.h>

namespace quipu {
namespace {

std::vector<CellPlace> noted(const std::vector<CellKey>& keys) {
  ChangedCells::Commit commit;
  for (const CellKey& key : keys) {
    std::string bytes;
    key.append_to(bytes);
    commit.note(bytes);
  }
  return commit.take();
}
CellKey key(DayIndex day, uint32_t tenant, uint32_t selector, uint32_t dimension) {
  return {day, TenantId(tenant), SelectorId(selector), DimensionId(dimension), 0, 0};
}
CellPlace place(uint32_t tenant, uint32_t selector, DayIndex day) {
  return {TenantId(tenant), SelectorId(selector), day};
}
using Places = std::vector<CellPlace>;

TEST(ChangedCells, AreTheDaysOfRowsThatACommitWrote) {
  EXPECT_EQ(noted({key(5, 1, 2, 0), key(5, 1, 2, 3), key(5, 1, 4, 3), key(6, 1, 2, 9)}),
            (Places{place(1, 2, 5), place(1, 4, 5), place(1, 2, 6)}));
  EXPECT_TRUE(noted({}).empty());
}

TEST(ChangedCells, OfCheckpointsBetweenTwo) {
  ChangedCells changed;
  EXPECT_EQ(changed.between(3, 3), Places{}) << "nothing lies between";
  EXPECT_FALSE(changed.between(3, 4));
  changed.add(4, {place(1, 2, 5), place(1, 1, 5)});
  changed.add(5, {place(1, 2, 5), place(1, 2, 9)});
  changed.add(6, {});
  EXPECT_EQ(changed.between(3, 6), (Places{place(1, 1, 5), place(1, 2, 5), place(1, 2, 9)}));
  EXPECT_EQ(changed.between(4, 5), (Places{place(1, 2, 5), place(1, 2, 9)}));
  EXPECT_EQ(changed.between(5, 6), Places{});
  EXPECT_FALSE(changed.between(2, 6)) << "the third is not known";
  EXPECT_FALSE(changed.between(5, 7)) << "the seventh is not there yet";
  EXPECT_FALSE(changed.between(6, 5));
  changed.add(9, {place(1, 1, 1)});
  EXPECT_FALSE(changed.between(5, 9)) << "there is a gap";
  EXPECT_EQ(changed.between(8, 9), Places{place(1, 1, 1)});
}

TEST(ChangedCells, TheOldestAreForgottenAtTheLimit) {
  ChangedCells changed;
  const Places many(kMaxChangedBytes / sizeof(CellPlace) / 4, place(1, 1, 1));
  for (uint64_t checkpoint = 1; checkpoint <= 5; ++checkpoint) changed.add(checkpoint, many);
  EXPECT_FALSE(changed.between(0, 5));
  EXPECT_FALSE(changed.between(1, 5));
  EXPECT_EQ(changed.between(2, 5), Places{place(1, 1, 1)});
  changed.add(6, Places(kMaxChangedBytes / sizeof(CellPlace), place(1, 1, 1)));
  EXPECT_FALSE(changed.between(5, 6)) << "more than may be remembered at all";
}

}  // namespace
}  // namespace quipu
