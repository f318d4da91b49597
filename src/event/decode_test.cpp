#include "event/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "event/test_decoder.h"

namespace quipu {
namespace {

using ::testing::HasSubstr;

constexpr char kPlan[] = R"(
quipu: 1
event:
  tenant: /tenant
  metric: /metric
  profile: {first: [/email, /user/id], trim: true, lowercase: true}
  id: {first: [/id], else: time_to_second}
  time: {at: /time, no_offset: Europe/Berlin}
  values: {revenue: /value, units: {first: [/units, /pieces]}, one: {const: 1}}
properties: {campaign: /p/campaign, sku: "/items/*/sku"}
calendars:
  default: [{zone: UTC}]
  tenants: {india: [{zone: Asia/Kolkata}], monrovia: [{zone: Africa/Monrovia}]}
count:
  - {metrics: [Opened, Bought], by: [[], campaign, sku], sum: [revenue, units, one]}
)";

// {"tenant":"t","metric":"Opened","time":"2026-03-02T08:15:00Z"} with members added, or put in the
// place of these.
std::string line(std::map<std::string, std::string> members = {}) {
  std::map<std::string, std::string> all = {
      {"tenant", "\"t\""}, {"metric", "\"Opened\""}, {"time", "\"2026-03-02T08:15:00Z\""}};
  for (const auto& [key, value] : members) all[key] = value;
  std::string out;
  for (const auto& [key, value] : all)
    if (!value.empty()) out += (out.empty() ? "{\"" : ",\"") + key + "\":" + value;
  return out.empty() ? "{}" : out + "}";
}

bool has_note(const LineOutcome& outcome, Note note) { return outcome.notes >> int(note) & 1; }

TEST(Decode, BlankLinesAreNotReadAndACarriageReturnIsDropped) {
  TestDecoder d(kPlan);
  for (const char* blank : {"", "\r", " ", " \t\v\f\r"}) EXPECT_EQ(d.verdict(blank), "blank");
  EXPECT_EQ(d.verdict(line() + "\r"), "event");
}

TEST(Decode, TheFirstReasonFoundIsTheReason) {
  TestDecoder d(kPlan);
  // Each case has its own fault and all those that are looked for later.
  std::map<std::string, std::string> members;
  auto expect = [&](const std::string& reason) {
    EXPECT_EQ(d.verdict(line(members)), reason) << line(members);
  };
  members = {{"id", "{\"x\":1}"}, {"p", "{\"campaign\":\"\\ud800\"}"}};
  expect("invalid_utf8");
  members["value"] = "1e21";
  expect("value_too_large");
  members["value"] = "\"abc\"";
  expect("value_not_a_number");
  members["id"] = "\"\xff\"";
  expect("invalid_utf8");
  members["time"] = "\"1969-12-31T23:59:59Z\"";
  expect("time_out_of_range");
  members["time"] = "\"yesterday\"";
  expect("time_bad");
  members["time"] = "null";
  expect("time_missing");
  members["metric"] = "\"Unheard of\"";
  expect("unplanned");
  members["metric"] = "\" \"";
  expect("metric_missing");
  members["tenant"] = "{\"a\":1}";
  expect("tenant_missing");
  members["x"] = "01";
  expect("not_json");
}

TEST(Decode, LongDeepAndBrokenLinesAreSetAside) {
  TestDecoder d(kPlan);
  const std::string longest =
      line({{"x", "\"" + std::string(kMaxLineBytes - line({{"x", "\"\""}}).size(), 'x') + "\""}});
  ASSERT_EQ(longest.size(), kMaxLineBytes);
  EXPECT_EQ(d.verdict(longest), "event");
  EXPECT_EQ(d.verdict(longest + " "), "line_too_long");
  EXPECT_EQ(d.verdict(longest + "\r"), "event") << "the carriage return is no part of the line";
  EXPECT_EQ(d.verdict(line({{"x", std::string(64, '[') + std::string(64, ']')}})), "too_deep");
  const LineOutcome broken = d.decode("{\"tenant\":\"t\",}");
  EXPECT_EQ(broken.reason, Reason::not_json);
  EXPECT_THAT(broken.detail, HasSubstr("byte 15"));
}

TEST(Decode, TenantsOutsideThePlanAreSetAsideWhereItSaysSo) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / ("quipu-tenants-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "tenants.csv") << "tenant,zone,week_start,name\nknown,UTC,,\n";
  const auto registry = test_registry(
      "quipu: 1\nevent: {tenant: /tenant, metric: /metric, time: /time}\n"
      "calendars: {default: [{zone: UTC}], tenants: {file: tenants.csv, unknown: "
      "set_aside}}\ncount: [{metrics: \"*\", by: [[]]}]\n",
      folder.string());
  std::filesystem::remove_all(folder);
  Hasher hasher(test_secret());
  NameLog names;
  Decoder decoder(registry->plan(), hasher, *registry, names, registry->no_offset());
  EventBatch batch;
  EXPECT_EQ(decoder.decode(line({{"tenant", "\"known\""}}), std::span(&batch, 1)).kind,
            LineOutcome::Kind::event);
  const LineOutcome stranger =
      decoder.decode(line({{"tenant", "\"stranger\""}, {"metric", ""}}), std::span(&batch, 1));
  EXPECT_EQ(stranger.reason, Reason::tenant_unknown);
  EXPECT_THAT(stranger.detail, HasSubstr("\"stranger\""));
}

TEST(Decode, NumbersAndStringsOfOneCanonicalTextAreOne) {
  TestDecoder d(kPlan);
  auto event = [&](std::map<std::string, std::string> members) {
    EXPECT_EQ(d.verdict(line(members)), "event");
    return d.event();
  };
  const Event a =
      event({{"tenant", "95"}, {"email", "95.0"}, {"id", "9.5e1"}, {"p", "{\"campaign\":95}"}});
  const uint64_t campaign = d.element(0, "campaign");
  for (const char* same : {"\"95\"", "95.00", "9.5E+1", "\"95.0\"", "0.95e2"}) {
    const Event b = event({{"tenant", same},
                           {"email", same},
                           {"id", same},
                           {"p", std::string("{\"campaign\":") + same + "}"}});
    EXPECT_EQ(a.tenant, b.tenant) << same;
    EXPECT_EQ(a.profile, b.profile);
    EXPECT_EQ(a.id, b.id);
    EXPECT_EQ(d.element(0, "campaign"), campaign);
  }
  for (const char* other :
       {"\"095\"", "\" 95\"", "95.0000001", "-95", "\"95 \"", "\"9.5e1\"", "true"}) {
    const Event b = event(
        {{"tenant", other}, {"id", other}, {"p", std::string("{\"campaign\":") + other + "}"}});
    EXPECT_NE(a.tenant, b.tenant) << other;
    EXPECT_NE(a.id, b.id) << other;
    EXPECT_NE(d.element(0, "campaign"), campaign) << other;
  }
  EXPECT_NE(event({{"email", "820982911946154509"}}).profile,
            event({{"email", "820982911946154510"}}).profile);
  EXPECT_EQ(event({{"email", "1e999999999"}}).profile, event({{"email", "10E999999998"}}).profile);
  EXPECT_NE(event({{"email", "\"0e82703583\""}}).profile,
            event({{"email", "\"0e82703584\""}}).profile)
      << "ids that look like numbers";
  EXPECT_EQ(event({{"email", "\"1E5\""}}).profile, d.hasher.hash128("1e5"))
      << "a string in lower case";
  EXPECT_EQ(event({{"email", "1E1000000000000000001"}}).profile,
            d.hasher.hash128("1E1000000000000000001"))
      << "a number as spelled";
  EXPECT_EQ(d.hasher.element("95"), campaign);
}

TEST(Decode, AlternativesAreTakenByPresenceThenTrimmedAndPutInLowerCase) {
  TestDecoder d(kPlan);
  auto profile = [&](const std::string& email, const std::string& user) {
    EXPECT_EQ(d.verdict(line({{"email", email}, {"user", user}})), "event");
    return d.event().has_profile ? d.event().profile : Hash128{};
  };
  const Hash128 ann = d.hasher.hash128("ann@x.test");
  EXPECT_EQ(profile("\" Ann@X.test\\t\"", "{\"id\":7}"), ann);
  for (const char* absent : {"", "null", "\"\"", "\" \\t\"", "{}", "[]", "[\"bob\"]"})
    EXPECT_EQ(profile(absent, "{\"id\":\"ANN@X.TEST\"}"), ann) << absent;
  EXPECT_EQ(profile("\"  7.0 \"", ""), d.hasher.hash128("7"));
  EXPECT_EQ(profile("true", ""), d.hasher.hash128("true"));
  EXPECT_EQ(profile("", "\"a string has no /id\""), Hash128{});
  EXPECT_FALSE(d.event().has_profile);
  EXPECT_TRUE(has_note(d.decode(line({{"email", "{}"}})), Note::object_as_scalar));
  EXPECT_FALSE(has_note(d.decode(line({{"email", "null"}})), Note::object_as_scalar));
  EXPECT_EQ(d.verdict(line({{"email", "\"fine\""}, {"user", "{\"id\":\"\xff\"}"}})), "invalid_utf8")
      << "every path of a field is read";
}

TEST(Decode, KeysTwiceSetAsideOnPlannedPathsOnly) {
  TestDecoder d(kPlan);
  EXPECT_EQ(d.verdict(line({{"x", "1,\"x\":2"}, {"user", "{\"y\":1,\"y\":2}"}})), "event");
  EXPECT_EQ(d.verdict(line({{"user", "{\"id\":1,\"id\":1}"}})), "duplicate_key");
  EXPECT_EQ(d.verdict(line({{"user", "1,\"user\":2"}})), "duplicate_key");
  EXPECT_EQ(d.verdict(line({{"tenant", "\"t\",\"tenant\":\"t\""}})), "duplicate_key");
  EXPECT_EQ(d.verdict(line({{"items", "[{},{\"sku\":1,\"sku\":1}]"}})), "duplicate_key");
  EXPECT_EQ(d.verdict(line({{"items", "[{\"z\":1,\"z\":1}]"}})), "event");
}

TEST(Decode, IdsAreOfTheirMetricAndNameSpace) {
  TestDecoder d(kPlan);
  auto id = [&](std::map<std::string, std::string> members) {
    EXPECT_EQ(d.verdict(line(members)), "event");
    EXPECT_TRUE(d.event().has_id);
    EXPECT_NE(d.event().id, 0u);
    return d.event().id;
  };
  EXPECT_EQ(id({{"id", "\"m1\""}}),
            id({{"id", "\"m1\""}, {"time", "\"2026-04-01\""}, {"tenant", "\"u\""}}));
  EXPECT_NE(id({{"id", "\"m1\""}}), id({{"id", "\"m1\""}, {"metric", "\"Bought\""}}));
  // To the second: 08:15:00.000 to 08:15:00.999.
  EXPECT_EQ(id({}), id({{"time", "\"2026-03-02T08:15:00.999Z\""}}));
  EXPECT_NE(id({}), id({{"time", "\"2026-03-02T08:15:01Z\""}}));
  const std::string second = std::to_string(1772439300);
  EXPECT_NE(id({}), id({{"id", second}}));
}

TEST(Decode, AnIdOfAllPartsNeedsEachOfThem) {
  TestDecoder d(
      "quipu: 1\nevent: {tenant: {const: t}, metric: {const: m}, time: {at: /time, unit: unix_s}, "
      "id: {all: [/a, /b]}}\n"
      "count: [{metrics: \"*\", by: [[]]}]\n");
  auto id = [&](const std::string& members) {
    EXPECT_EQ(d.verdict("{\"time\":0" + members + "}"), "event");
    return d.event().has_id ? d.event().id : 0;
  };
  EXPECT_NE(id(R"(,"a":"x","b":"y")"), 0u);
  EXPECT_EQ(id(R"(,"a":1,"b":2)"), id(R"(,"b":"2.0","a":"1")"));
  EXPECT_NE(id(R"(,"a":"x","b":"y")"), id(R"(,"a":"y","b":"x")"));
  EXPECT_NE(id(R"(,"a":"xy","b":"z")"), id(R"(,"a":"x","b":"yz")"));
  for (const char* part : {"", R"(,"a":1)", R"(,"b":1)", R"(,"a":1,"b":null)", R"(,"a":1,"b":" ")",
                           R"(,"a":[1],"b":1)"})
    EXPECT_EQ(id(part), 0u) << part;
}

TEST(Decode, ValuesAreExactAndRoundedHalfToEven) {
  TestDecoder d(kPlan);
  auto values = [&](std::map<std::string, std::string> members) {
    EXPECT_EQ(d.verdict(line(members)), "event");
    std::string out;
    size_t next = 0;
    for (int i = 0; i < 3; ++i)
      out += (d.event().value_mask >> i & 1 ? format_fixed6(d.batch.values.at(next++)) : "-") +
             std::string(i < 2 ? " " : "");
    return out;
  };
  EXPECT_EQ(values({}), "- - 1");
  EXPECT_EQ(values({{"value", "10.5"}, {"units", "\" 3 \""}}), "10.50 3 1");
  EXPECT_EQ(values({{"value", "null"}, {"units", "{}"}, {"pieces", "-0.25"}}), "- -0.25 1");
  EXPECT_EQ(values({{"value", "\" \""}, {"units", "\"\""}}), "- - 1");
  EXPECT_EQ(values({{"value", "1e20"}, {"units", "-1e20"}}),
            "100000000000000000000 -100000000000000000000 1");
  for (const char* no_number : {"true", "\"x\"", "\"1,5\"", "[]", "{}", "[1]"})
    EXPECT_EQ(d.verdict(line({{"value", no_number}})), "value_not_a_number") << no_number;
  EXPECT_EQ(d.verdict(line({{"value", "100000000000000000000.0000001"}})), "value_too_large");
  EXPECT_EQ(d.verdict(line({{"units", "true"}, {"pieces", "1"}})), "value_not_a_number");
  const LineOutcome rounded = d.decode(line({{"value", "2.0000015"}}));
  EXPECT_TRUE(has_note(rounded, Note::rounded));
  EXPECT_EQ(d.batch.values.at(0), Fixed6(2000002));
  EXPECT_FALSE(has_note(d.decode(line({{"value", "2.0000010"}})), Note::rounded));
}

TEST(Decode, AnEventSetAsideLeavesNothingInTheBatch) {
  TestDecoder d(kPlan);
  EXPECT_EQ(d.verdict(line({{"value", "5"}, {"p", "{\"campaign\":\"\xff\"}"}})), "invalid_utf8");
  EXPECT_TRUE(d.batch.events.empty());
  EXPECT_TRUE(d.batch.values.empty());
  EXPECT_TRUE(d.batch.elements.empty());
  EXPECT_TRUE(d.batch.here.empty());
  EXPECT_TRUE(d.names.take().empty());
}

TEST(Decode, TimesGiveTheSlotOfTheirUtcMonthByTheTenantsGrain) {
  TestDecoder d(kPlan);
  auto slot = [&](const std::string& tenant, const std::string& time) {
    EXPECT_EQ(d.verdict(line({{"tenant", "\"" + tenant + "\""}, {"time", "\"" + time + "\""}})),
              "event");
    return std::pair<int, int>(d.event().month->month(), d.event().slot);
  };
  const int march = (2026 - 1970) * 12 + 2;
  EXPECT_EQ(slot("t", "2026-03-02T08:15:00Z"), std::pair(march, (24 + 8) * 4)) << "whole hours";
  EXPECT_EQ(slot("india", "2026-03-02T08:45:00Z"), std::pair(march, (24 + 8) * 4 + 2))
      << "half hours";
  EXPECT_EQ(slot("t", "2026-03-01T00:30:00"), std::pair(march - 1, (28 * 24 - 1) * 4))
      << "Berlin's clock";
  EXPECT_EQ(slot("t", "2199-12-31T23:59:59.999Z"), std::pair(229 * 12 + 11, (31 * 24 - 1) * 4));
  EXPECT_EQ(d.verdict(line({{"tenant", "\"monrovia\""}, {"time", "\"1971-05-05\""}})),
            "zone_offset_odd");
  EXPECT_EQ(d.verdict(line({{"tenant", "\"monrovia\""}, {"time", "\"1973-05-05\""}})), "event");
}

TEST(Decode, TimesThatAreNoTimesSayWhatIsWrong) {
  TestDecoder d(kPlan);
  for (const char* missing : {"", "null", "\"\""})
    EXPECT_EQ(d.verdict(line({{"time", missing}})), "time_missing") << missing;
  for (const char* bad : {"\" \"", "true", "{}", "[]", "[1]", "1772439300", "\"1772439300\"",
                          "\"2026-02-30\"", "\"2026-03-02T08:15:00Zx\""})
    EXPECT_EQ(d.verdict(line({{"time", bad}})), "time_bad") << bad;
  EXPECT_THAT(d.decode(line({{"time", "1772439300"}})).detail,
              testing::AllOf(HasSubstr("/time: "), HasSubstr("unix_s")));
}

TEST(Decode, NumbersAreTimesInTheirUnit) {
  TestDecoder d(
      "quipu: 1\nevent: {tenant: {const: t}, metric: {const: m}, time: {at: /t, unit: "
      "unix_ms}}\ncount: [{metrics: \"*\", by: [[]]}]\n");
  const int hour_8 = (24 + 8) * 4;
  for (const char* time : {"1772439300000", "\"1772439300000\"", "1772439300000.9", "1.7724393e12",
                           "\"0001772439300000\"", "\"2026-03-02T08:15Z\""}) {
    EXPECT_EQ(d.verdict(std::string("{\"t\":") + time + "}"), "event") << time;
    EXPECT_EQ(d.event().slot, hour_8) << time;
  }
  EXPECT_EQ(d.verdict("{\"t\":-1}"), "time_out_of_range");
  EXPECT_EQ(d.verdict("{\"t\":1e999999999}"), "time_out_of_range");
  EXPECT_EQ(d.verdict("{\"t\":\"01.5\"}"), "time_bad");
}

TEST(Decode, LocalTimesTwiceOrNeverAndFutureTimesAreNoted) {
  TestDecoder d(kPlan);
  auto notes = [&](const std::string& time) {
    return d.decode(line({{"time", "\"" + time + "\""}}));
  };
  EXPECT_TRUE(has_note(notes("2026-10-25T02:30:00"), Note::local_time_twice));
  EXPECT_EQ(d.event().slot, 24 * 24 * 4) << "the first: 00:30 UTC";
  EXPECT_TRUE(has_note(notes("2026-03-29T02:30:00"), Note::local_time_skipped));
  EXPECT_EQ(notes("2026-03-29T02:30:00Z").notes, 0u);
  d.decoder.set_now(1772439300000);
  EXPECT_FALSE(has_note(notes("2026-03-02T08:16:00Z"), Note::future));
  EXPECT_TRUE(has_note(notes("2026-03-02T08:16:00.001Z"), Note::future));
  EXPECT_EQ(d.batch.events.size(), 1u) << "and counts";
}

TEST(Decode, ARequiredProfileThatIsMissingSetsAside) {
  TestDecoder d(
      "quipu: 1\nevent: {tenant: {const: t}, metric: {const: m}, time: {at: /t, unit: unix_s}, "
      "profile: {first: [/u], required: true}}\n"
      "count: [{metrics: \"*\", by: [[]]}]\n");
  EXPECT_EQ(d.verdict("{\"t\":1}"), "profile_missing");
  EXPECT_EQ(d.verdict("{\"t\":1,\"u\":\" \"}"), "profile_missing");
  EXPECT_EQ(d.verdict("{\"t\":1,\"u\":\"a\"}"), "event");
}

TEST(Decode, DelimitedLinesAreReadLikeOthers) {
  TestDecoder d(
      "quipu: 1\ninput: {format: delimited, delimiter: \";\"}\n"
      "event: {tenant: /site, metric: {const: Visit}, profile: /user, time: /time, values: {ms: "
      "/ms}}\n"
      "properties: {page: /page, has_ref: {present: /ref}}\ncount: [{metrics: \"*\", by: [page, "
      "has_ref], sum: [ms]}]\n");
  ASSERT_TRUE(d.decoder.set_header("time;site;user;page;ms;ref\r").ok());
  EXPECT_EQ(d.verdict("2026-03-02;s;ann;\"/a;b\";1.5;\r"), "event");
  EXPECT_EQ(d.element(0, "page"), d.hasher.element("/a;b"));
  EXPECT_EQ(d.element(0, "has_ref"), d.hasher.element("false"));
  EXPECT_EQ(d.event().profile, d.hasher.hash128("ann"));
  EXPECT_EQ(d.batch.values.at(0), Fixed6(1500000));
  EXPECT_EQ(d.verdict("2026-03-02;s;ann;/a;1.5"), "wrong_field_count");
  EXPECT_EQ(d.verdict("2026-03-02;;ann;/a;1.5;x"), "tenant_missing");
  EXPECT_EQ(d.verdict("2026-03-02;s;ann;\xff;1.5;x"), "invalid_utf8");
  EXPECT_EQ(d.verdict("2026-03-02;s;\"\";01;\"\";x"), "event");
  EXPECT_EQ(d.element(0, "page"), d.hasher.element("01"));
}

TEST(Decode, ShardsShareProfilesAndBucketsOfIds) {
  const auto registry = test_registry(kPlan);
  Hasher hasher(test_secret());
  NameLog names;
  Decoder decoder(registry->plan(), hasher, *registry, names, registry->no_offset());
  for (uint32_t shards : {1u, 2u, 3u, 5u}) {
    std::vector<EventBatch> batches(shards);
    for (EventBatch& batch : batches)
      batch.columns = uint32_t(registry->plan().parsed.columns.size());
    for (int i = 0; i < 3000; ++i) {
      const std::string who = i % 2 ? "\"p" + std::to_string(i % 301) + "\"" : "null";
      decoder.decode(line({{"email", who}, {"id", std::to_string(i)}}), batches);
    }
    size_t all = 0;
    std::map<std::pair<uint64_t, uint64_t>, uint32_t> shard_of_profile;
    std::map<uint16_t, uint32_t> shard_of_bucket;
    for (uint32_t s = 0; s < shards; ++s) {
      EXPECT_GT(batches[s].events.size(), 3000 / shards / 2) << "spread over shards";
      for (const Event& e : batches[s].events) {
        ++all;
        EXPECT_EQ(shard_of(e, shards), s);
        const uint32_t owner =
            e.has_profile
                ? shard_of_profile.try_emplace({e.profile.lo, e.profile.hi}, s).first->second
                : shard_of_bucket.try_emplace(id_bucket(e.id), s).first->second;
        EXPECT_EQ(owner, s);
      }
    }
    EXPECT_EQ(all, 3000u);
  }
}

TEST(Decode, EventsWithNeitherProfileNorIdGoToTheShardsInTurn) {
  const auto registry = test_registry(
      "quipu: 1\nevent: {tenant: {const: t}, metric: {const: m}, time: {at: /t, unit: "
      "unix_s}}\ncount: [{metrics: \"*\", by: [[]]}]\n");
  Hasher hasher(test_secret());
  NameLog names;
  Decoder decoder(registry->plan(), hasher, *registry, names, registry->no_offset());
  std::vector<EventBatch> batches(3);
  for (int i = 0; i < 30; ++i) decoder.decode("{\"t\":1}", batches);
  for (const EventBatch& batch : batches) EXPECT_EQ(batch.events.size(), 10u);
}

TEST(Decode, ManyTenantsAndMetricsAreToldApart) {
  const auto registry = test_registry(
      "quipu: 1\nevent: {tenant: /t, metric: /m, time: {at: /at, unit: unix_s}}\ncount: [{metrics: "
      "\"*\", by: [[]]}]\n");
  Hasher hasher(test_secret());
  NameLog names;
  Decoder decoder(registry->plan(), hasher, *registry, names, registry->no_offset());
  EventBatch batch;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 4000; ++i) {
      batch.clear();
      const std::string name =
          (i % 500 == 0 ? std::string(300, 'x') : "") + std::to_string(i) + "!";
      ASSERT_EQ(decoder
                    .decode("{\"t\":\"" + name + "\",\"m\":\"m" + name +
                                "\",\"at\":" + std::to_string(int64_t(i) * 1000000) + "}",
                            std::span(&batch, 1))
                    .kind,
                LineOutcome::Kind::event);
      ASSERT_EQ(batch.events[0].tenant, registry->tenant(name)->id);
      ASSERT_EQ(batch.events[0].metric, registry->metric("m" + name));
      ASSERT_EQ(batch.events[0].month->month(), month_of(int64_t(i) * 1000000));
    }
  }
}

TEST(Explain, TellsWhatWasReadFromWhere) {
  TestDecoder d(kPlan);
  std::vector<ReadField> fields;
  auto explain = [&](const std::string& text) {
    const LineOutcome outcome = explain_line(d.decoder, text, fields);
    std::vector<std::string> out = {outcome.kind == LineOutcome::Kind::event
                                        ? "event"
                                        : std::string(reason_name(outcome.reason))};
    for (const ReadField& f : fields) {
      out.push_back(f.field + " <- " + f.from + " =");
      for (const std::string& t : f.texts) out.back() += " " + t;
    }
    return out;
  };
  EXPECT_EQ(
      explain(line({{"user", "{\"id\":\" Ann \"}"},
                    {"value", "1.50"},
                    {"items", "[{\"sku\":\"A\"},{\"sku\":7.0}]"}})),
      (std::vector<std::string>{
          "event", "tenant <- /tenant = t", "metric <- /metric = Opened",
          "time <- /time = 2026-03-02T08:15:00+00:00", "profile <- /user/id = ann",
          "id <- time to the second = 2026-03-02T08:15:00+00:00", "value revenue <- /value = 1.50",
          "value units <- /units, /pieces =", "value one <- const = 1",
          "property campaign <- /p/campaign = ", "property sku <- /items/*/sku = A 7"}));
  EXPECT_EQ(explain(line({{"metric", "null"}, {"email", "\"x\""}}))[0], "metric_missing");
  EXPECT_EQ(fields.at(3).texts, std::vector<std::string>{"x"}) << "what could be read is told";
  EXPECT_EQ(explain("{"), std::vector<std::string>{"not_json"});
}

}  // namespace
}  // namespace quipu
