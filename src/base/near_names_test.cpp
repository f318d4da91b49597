#include "base/near_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace quipu {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::vector<std::string> kMetrics = {"Bought", "Clicked Email", "Opened Email", "Opened",
                                           "Refunded"};

TEST(NearNames, FindsMisspeltNamesNearestFirst) {
  EXPECT_THAT(near_names("Bougth", kMetrics, 3), ElementsAre("Bought"));
  EXPECT_THAT(near_names("bought", kMetrics, 3), ElementsAre("Bought"));
  EXPECT_THAT(near_names("Opend", kMetrics, 3), ElementsAre("Opened"));
  EXPECT_THAT(near_names("aab", {"abb", "aabb", "aab", "zzz"}, 2), ElementsAre("aab", "abb"));
  EXPECT_THAT(near_names("zzzzzzzzzz", kMetrics, 3), IsEmpty());
}

TEST(NearNames, FindsNamesThatHoldTheOneAskedFor) {
  EXPECT_THAT(near_names("email", kMetrics, 3), ElementsAre("Clicked Email", "Opened Email"));
  EXPECT_THAT(near_names("e", {"seventeen"}, 3), IsEmpty()) << "a single letter is in everything";
}

TEST(NearNames, TheNearestMayBeFar) {
  EXPECT_THAT(nearest_name("x", {"metrics", "by", "when"}), ElementsAre("by"));
  EXPECT_THAT(nearest_name("x", {}), IsEmpty());
}

TEST(NearNames, LongNamesAreNearNothing) {
  const std::string longest(200, 'a'), longer(201, 'a');
  EXPECT_THAT(near_names(longest, {longest, longer}, 3), ElementsAre(longest));
  EXPECT_THAT(near_names(longer, {longest, longer}, 3), IsEmpty());
  EXPECT_THAT(nearest_name(longer, {longest}), IsEmpty());
}

TEST(NearNames, MessagesListThemAndAreSafeToPrint) {
  EXPECT_EQ(did_you_mean({}), "");
  EXPECT_EQ(did_you_mean({"a"}), "; did you mean \"a\"?");
  EXPECT_EQ(did_you_mean({"a", "b", "c"}), "; did you mean \"a\", \"b\" or \"c\"?");
  EXPECT_EQ(did_you_mean({"\x1b[2J"}), "; did you mean \"\\x1b[2J\"?");
  EXPECT_EQ(did_you_mean({std::string(150, 'a')}),
            "; did you mean \"" + std::string(80, 'a') + "...\"?");
}

// All texts that one edit makes of another, and none that takes three, are near a short name.
TEST(NearNames, OneEditIsNearAndThreeReplacementsAreNot) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 rng(seed);
  for (int round = 0; round < 2000; ++round) {
    std::string name;
    for (size_t n = 4 + rng() % 4; name.size() < n;) name += char('a' + rng() % 20);
    std::string edited = name;
    const size_t at = rng() % (name.size() - 1);
    switch (rng() % 4) {
      case 0:
        edited.erase(at, 1);
        break;
      case 1:
        edited.insert(at, 1, 'z');
        break;
      case 2:
        edited[at] = 'Z';
        break;
      default:
        std::swap(edited[at], edited[at + 1]);
    }
    ASSERT_THAT(near_names(edited, {name}, 3), ElementsAre(name)) << edited;
    std::string far = name;
    for (size_t i = 0; i < 3; ++i) far[i] = char('x' + i);  // letters that no name has
    ASSERT_THAT(near_names(far, {name}, 3), IsEmpty()) << far << " " << name;
  }
}

}  // namespace
}  // namespace quipu
