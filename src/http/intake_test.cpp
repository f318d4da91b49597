#include "http/intake.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "http/event_lines.h"
#include "http/kept_requests.h"
#include "journal/segments.h"

namespace quipu {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

TEST(RateLimit, a_key_may_save_up_and_overdraw_and_then_waits_until_it_is_paid) {
  RateLimit limit({10, {}});
  const auto begin = Clock::now();
  EXPECT_EQ(limit.wait_s("a", begin), 0);
  limit.charge("a", 125, begin);
  EXPECT_EQ(limit.wait_s("a", begin), 3) << "25 events at 10 a second";
  EXPECT_EQ(limit.wait_s("a", begin + milliseconds(2000)), 1);
  EXPECT_EQ(limit.wait_s("a", begin + milliseconds(2600)), 0);
  EXPECT_EQ(limit.wait_s("b", begin), 0);
  limit.charge("a", 1'000'000'000, begin + seconds(3));
  EXPECT_EQ(limit.wait_s("a", begin + seconds(3)), 3600) << "nobody is sent away for longer";
}

TEST(RateLimit, whoever_is_refused_waits_a_second_at_least_and_an_earlier_instant_takes_nothing) {
  RateLimit limit({10, {}});
  const auto now = Clock::now();
  limit.charge("a", uint64_t(10 * kRateBurst_s), now);
  EXPECT_EQ(limit.wait_s("a", now), 1) << "exactly all that it had";
  EXPECT_EQ(limit.wait_s("a", now - seconds(5)), 1);
}

TEST(RateLimit, over_a_long_time_lets_through_its_rate) {
  RateLimit limit({100, {}});
  auto now = Clock::now();
  uint64_t passed = 0;
  for (int i = 0; i < 100'000; ++i, now += milliseconds(1)) {
    if (limit.wait_s("a", now) > 0) continue;
    limit.charge("a", 7, now);
    passed += 7;
  }
  EXPECT_NEAR(double(passed), 100 * (100 + kRateBurst_s), 20);
}

TEST(RateLimit, a_keys_own_rate_goes_before_and_0_is_none) {
  RateLimit limit({1, {{"free", 0}, {"fast", 1000}}});
  const auto now = Clock::now();
  for (const char* key : {"free", "fast", "other"}) limit.charge(key, 9000, now);
  EXPECT_EQ(limit.wait_s("free", now), 0);
  EXPECT_EQ(limit.wait_s("fast", now), 0);
  EXPECT_GT(limit.wait_s("other", now), 0);
}

TEST(CountedPosition, tells_each_that_waits_once_it_is_reached_or_too_late) {
  CountedPosition position;
  std::string told;
  const auto now = Clock::now();
  const auto wait = [&](char name, uint64_t offset, int for_s) {
    position.wait_for(offset, now + seconds(for_s),
                      [&told, name](bool counted) { told += counted ? name : char(name - 32); });
  };
  wait('a', 0, 1);
  EXPECT_EQ(told, "a");
  wait('b', 10, 5);
  wait('c', 20, 1);
  wait('d', 20, 5);
  position.advance(15);
  EXPECT_EQ(told, "ab");
  position.advance(12);
  EXPECT_EQ(position.offset(), 15u) << "it never goes back";
  position.expire(now + seconds(2));
  EXPECT_EQ(told, "abC");
  position.advance(20);
  EXPECT_EQ(told, "abCd");
  wait('e', 30, 1);
  position.expire(now);
  EXPECT_EQ(told, "abCd");
  position.expire(now + seconds(1));
  EXPECT_EQ(told, "abCdE") << "at its instant";
}

TEST(RequestMark, is_read_as_it_was_written_and_nothing_else_is) {
  const RequestMark mark{request_id("k1", "acme", "a"), body_hash("x"), 1772720400, 17};
  const auto again = RequestMark::parse(mark.text());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->id, mark.id);
  EXPECT_EQ(again->body, mark.body);
  EXPECT_EQ(again->taken_s, mark.taken_s);
  EXPECT_EQ(again->events, 17u);
  const std::string text = mark.text();
  for (size_t size = 0; size + 3 < text.size(); ++size)
    EXPECT_FALSE(RequestMark::parse(text.substr(0, size))) << size;
  for (const std::string& bad : {text + "-", text + "x", "g" + text.substr(1), std::string()})
    EXPECT_FALSE(RequestMark::parse(bad)) << bad;
  EXPECT_NE(request_id("k1", "a", "b"), request_id("k1", "ab", ""));
  EXPECT_NE(request_id("k1", "a", "b"), request_id("k", "1a", "b"));
}

class KeptRequestsTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = (std::filesystem::temp_directory_path() / "quipu-kept-XXXXXX").string();
    ASSERT_TRUE(::mkdtemp(root_.data()));
    open_journal();
  }
  void TearDown() override {
    journal_.reset();
    std::filesystem::remove_all(root_);
  }
  void open_journal() {
    JournalOptions options;
    options.segment_bytes = 100;
    journal_.reset();
    auto journal = Journal::open(root_ + "/journal", 0, options);
    ASSERT_TRUE(journal.ok());
    journal_ = std::move(*journal);
  }
  std::unique_ptr<KeptRequests> open_kept(int64_t now_s = kNow) {
    auto kept = KeptRequests::open(root_ + "/requests", *journal_, now_s);
    EXPECT_TRUE(kept.ok()) << (kept.ok() ? "" : kept.error().message);
    return kept.ok() ? std::move(*kept) : nullptr;
  }
  static RequestMark mark(int number, int64_t taken_s = kNow) {
    return {request_id("k1", "acme", std::to_string(number)), body_hash("body"), taken_s, 2};
  }
  // As a request of two events is appended.
  void append(const RequestMark& mark) {
    Envelope envelope{0, "k1", "acme"};
    std::string lines;
    envelope.request = mark.text();
    append_wrapped(envelope_head(envelope), "{}", lines);
    envelope.request.clear();
    append_wrapped(envelope_head(envelope), "{}", lines);
    std::promise<bool> done;
    ASSERT_EQ(journal_->append(lines, [&](const Status& s) { done.set_value(s.ok()); }),
              Journal::Took::yes);
    ASSERT_TRUE(done.get_future().get());
  }
  static bool knows(KeptRequests& kept, const RequestMark& mark) {
    bool told = false;
    const auto known = kept.find(mark, [&](const Status& status, uint32_t events, uint64_t) {
      told = status.ok() && events == 2;
    });
    EXPECT_EQ(known == KeptRequests::Known::yes, told);
    return told;
  }

  static constexpr int64_t kNow = 1772720400;
  std::string root_;
  std::unique_ptr<Journal> journal_;
};

TEST_F(KeptRequestsTest, are_found_in_the_journal_and_in_the_file_once_segments_are_gone) {
  append(mark(1));
  append(mark(2));
  auto kept = open_kept();
  EXPECT_TRUE(knows(*kept, mark(1)));
  EXPECT_FALSE(knows(*kept, mark(3)));
  ASSERT_TRUE(kept->save(journal_->durable().end).ok());
  append(mark(3));
  append(mark(4));
  ASSERT_TRUE(journal_->drop_before(kept->saved()).ok());
  ASSERT_EQ(list_segments(root_ + "/journal")->size(), 2u);
  open_journal();
  kept = open_kept();
  EXPECT_EQ(kept->size(), 4u);
  for (int n = 1; n <= 4; ++n) EXPECT_TRUE(knows(*kept, mark(n))) << n;
}

TEST_F(KeptRequestsTest, are_forgotten_after_their_time) {
  append(mark(1, kNow - kKeepRequests_s));
  append(mark(2, kNow - kKeepRequests_s + 10));
  auto kept = open_kept();
  EXPECT_FALSE(knows(*kept, mark(1)));
  EXPECT_TRUE(knows(*kept, mark(2)));
  EXPECT_FALSE(knows(*kept, mark(2, kNow + 11)));
  EXPECT_EQ(kept->size(), 0u);
}

TEST_F(KeptRequestsTest, of_another_body_are_told_apart) {
  append(mark(1));
  RequestMark other = mark(1);
  other.body = body_hash("other");
  EXPECT_EQ(open_kept()->find(other, {}), KeptRequests::Known::other_body);
}

TEST_F(KeptRequestsTest, under_way_are_waited_for_and_forgotten_if_they_fail) {
  auto kept = open_kept();
  std::string told;
  const auto wait = [&](const Status& status, uint32_t, uint64_t end) {
    told += status.ok() ? std::to_string(end) : "failed";
  };
  kept->begin(mark(1));
  EXPECT_EQ(kept->find(mark(1), wait), KeptRequests::Known::yes);
  EXPECT_EQ(told, "");
  kept->settle(mark(1).id, 77);
  EXPECT_EQ(told, "77");
  kept->begin(mark(2));
  EXPECT_EQ(kept->find(mark(2), wait), KeptRequests::Known::yes);
  kept->drop(mark(2).id, Error{"no room"});
  EXPECT_EQ(told, "77failed");
  EXPECT_EQ(kept->find(mark(2), wait), KeptRequests::Known::no);
}

TEST_F(KeptRequestsTest, hold_no_more_than_so_many) {
  auto kept = open_kept();
  for (int n = 0; n < int(kMaxKeptRequests) + 10; ++n) {
    kept->begin(mark(n));
    kept->settle(mark(n).id, 1);
  }
  EXPECT_FALSE(knows(*kept, mark(0)));
  EXPECT_FALSE(knows(*kept, mark(9)));
  EXPECT_TRUE(knows(*kept, mark(10)));
  EXPECT_EQ(kept->size(), kMaxKeptRequests);
}

// Written down here, so that a change of the format is one that was meant.
TEST_F(KeptRequestsTest, file_is_these_bytes) {
  auto kept = open_kept();
  RequestMark one{{0x0807060504030201, 0x100f0e0d0c0b0a09}, {0x11, 0x12}, 0x69a9, 3};
  kept->begin(one);
  kept->settle(one.id, 5);
  ASSERT_TRUE(kept->save(0x2a).ok());
  std::ifstream file(root_ + "/requests", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const std::string expected(
      "quipu requests 1\n"
      "\x2a\0\0\0\0\0\0\0"
      "\x01\0\0\0\0\0\0\0"
      "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"
      "\x11\0\0\0\0\0\0\0\x12\0\0\0\0\0\0\0"
      "\xa9\x69\0\0\0\0\0\0"
      "\x03\0\0\0",
      17 + 8 + 8 + 44);
  EXPECT_EQ(bytes.substr(0, expected.size()), expected);
  EXPECT_EQ(bytes.size(), expected.size() + 8);
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = char(damaged[at] ^ 4);
    std::ofstream(root_ + "/requests", std::ios::binary) << damaged;
    EXPECT_FALSE(KeptRequests::open(root_ + "/requests", *journal_, 0x69a9).ok()) << at;
  }
  std::ofstream(root_ + "/requests", std::ios::binary) << bytes;
  EXPECT_FALSE(KeptRequests::open(root_ + "/requests", *journal_, 0x69a9).ok())
      << "a journal that is shorter lost something";
}

class IntakeTest : public KeptRequestsTest {};

TEST_F(IntakeTest, knows_up_to_where_every_batch_has_had_its_answer) {
  ServerMetrics metrics;
  Intake intake(*journal_, metrics, {});
  const auto append = [&] {
    std::promise<uint64_t> end;
    EXPECT_FALSE(intake.append({"k1", "http", "{}\n", 1},
                               [&](const Status&, uint64_t at) { end.set_value(at); }));
    return end.get_future().get();
  };
  EXPECT_EQ(append(), 3u);
  EXPECT_EQ(append(), 6u);
  std::this_thread::sleep_for(milliseconds(20));  // or their freshness is told together
  EXPECT_EQ(append(), 9u);
  journal_->close();
  EXPECT_EQ(intake.settled(), 6u) << "the last frame may have more";
  EXPECT_EQ(intake.behind_bytes(), 9u);
  intake.counted_to(6);
  EXPECT_EQ(intake.behind_bytes(), 3u);
  EXPECT_NE(metrics.text().find("quipu_freshness_seconds_count 2"), std::string::npos);
  intake.counted_to(9);
  EXPECT_NE(metrics.text().find("quipu_freshness_seconds_count 3"), std::string::npos);
  EXPECT_NE(metrics.text().find("quipu_events_accepted_total{door=\"http\"} 3"), std::string::npos);
}

TEST_F(IntakeTest, refuses_while_counting_is_behind_by_more_than_its_bound) {
  ServerMetrics metrics;
  IntakeLimits limits;
  limits.behind_bytes = 5;
  Intake intake(*journal_, metrics, limits);
  for (int i = 0; i < 2; ++i) {
    std::promise<void> done;
    ASSERT_FALSE(intake.append({"k1", "http", "{}\n", 1},
                               [&](const Status&, uint64_t) { done.set_value(); }));
    done.get_future().get();
  }
  const auto refused = intake.refusal("k1");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503);
  EXPECT_TRUE(refused->retry_after);
  intake.counted_to(3);
  EXPECT_FALSE(intake.refusal("k1"));
  journal_->close();  // its thread has told of the last batch, and may not have left the intake yet
}

}  // namespace
}  // namespace quipu
