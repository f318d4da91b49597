#include "plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>

namespace quipu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kEmailMarketing[] = R"(# email marketing
quipu: 1
event: {tenant: /account, metric: /metric,
        profile: {first: [/email, /phone, /id], trim: true, lowercase: true},
        id: {first: [/unique_id], else: time_to_second}, time: /time, values: {revenue: /value}}
properties: {campaign: /properties/$message, client: "/properties/Client Name",
             url: /properties/URL, has_flow: {present: /properties/$flow}}
calendars: {default: [{zone: UTC}], tenants: {file: tenants.csv, unknown: set_aside}}
count:
  - {metrics: "*", by: [[], campaign, [campaign, client], [campaign, has_flow]], sum: [revenue]}
  - {metrics: [Clicked Email], by: [url], unique: no}
  - {metrics: [Opened Email, Clicked Email], together: Engaged, by: [[], campaign], lifetime: yes}
  - {metrics: [Opened Email], combinations: {of: [campaign, client, url, has_flow], up_to: 2}}
)";

constexpr char kWebShop[] = R"(# web shop
quipu: 1
event: {tenant: {const: shop}, metric: {const: Placed Order},
        profile: {first: [/customer/id, /email]}, id: {all: [/id, /topic]},
        time: {at: /created_at, no_offset: Europe/Berlin},
        values: {revenue: /total_price, units: /units}}
properties: {sku: "/line_items/*/sku", color: "/line_items/*/color",
             country: /shipping_address/country, paid: /financial_status}
count:
  - {metrics: "*", when: {paid: [paid]}, by: [[], country, sku, [sku, color]],
     sum: [revenue, units]}
)";

constexpr char kProductAnalytics[] = R"(# product analytics
quipu: 1
event: {tenant: /workspace, metric: /event, profile: {first: [/userId, /anonymousId]},
        id: /messageId, time: /timestamp, values: {ms: /properties/duration_ms}}
properties: {plan: {at: /context/plan, missing: skip}, feature: /properties/feature,
             company: /context/groupId}
calendars: {default: [{zone: UTC}, {name: us, zone: America/New_York, week_start: sunday}]}
count:
  - {metrics: "*", together: Active, by: [[], plan, company], lifetime: yes}
  - {metrics: [Used Feature], by: [feature, [feature, plan]], sum: [ms]}
)";

// A plan around the parts that a test is about.
std::string plan_text(const std::string& properties_and_count,
                      const std::string& event = "{tenant: /t, metric: /m, time: /at}") {
  return "quipu: 1\nevent: " + event + "\n" + properties_and_count;
}

Plan parsed(const std::string& text) {
  auto plan = Plan::parse(text, "shop.yaml", ".");
  EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().message) << "\n" << text;
  return plan.ok() ? *plan : Plan();
}

// Lines are what these tests look at; columns have a test of their own.
std::string without_column(const std::string& message) {
  return std::regex_replace(message, std::regex("^(shop.yaml:[0-9]+):[0-9]+"), "$1");
}

std::string refusal(const std::string& text) {
  auto plan = Plan::parse(text, "shop.yaml", ".");
  return plan.ok() ? "accepted" : without_column(plan.error().message);
}

// A dimension as a test reads it: "campaign+client" and its flags.
std::string shape(const Plan& plan, const PlannedDimension& d) {
  std::string out;
  for (uint16_t p : d.properties) out += (out.empty() ? "" : "+") + plan.properties[p].name;
  if (d.when) out += "?";
  for (size_t v = 0; v < plan.values.size(); ++v) {
    if (d.sums >> v & 1) out += " sum:" + plan.values[v].name;
  }
  if (!d.unique) out += " no-unique";
  if (d.lifetime) out += " lifetime";
  return out;
}

std::vector<std::string> shapes(const Plan& plan, const PlannedSection& section) {
  std::vector<std::string> out;
  for (const PlannedDimension& d : section.dimensions) out.push_back(shape(plan, d));
  return out;
}

class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() /
              ("quipu_plan_test_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

TEST(PlanExamples, EmailMarketingIsReadAsWritten) {
  Folder folder;
  folder.write("tenants.csv",
               "tenant,zone,week_start,name\nacme,Europe/"
               "Berlin,sunday,\nacme,UTC,,world\n95.0,Asia/Tokyo,,\n");
  auto read = Plan::parse(kEmailMarketing, "plans/email.v2.yaml", folder.path());
  ASSERT_TRUE(read.ok()) << read.error().message;
  const Plan& plan = *read;
  EXPECT_EQ(plan.name, "email.v2");
  EXPECT_EQ(plan.profile.kind, Field::Kind::first);
  EXPECT_EQ(plan.profile.paths.size(), 3u);
  EXPECT_TRUE(plan.profile.trim && plan.profile.lowercase && !plan.profile.required);
  EXPECT_TRUE(plan.id.else_time_to_second);
  EXPECT_THAT(plan.properties[1].path.tokens, ElementsAre("properties", "Client Name"));
  EXPECT_TRUE(plan.properties[3].present);
  EXPECT_TRUE(plan.calendars.unknown_set_aside);
  EXPECT_EQ(plan.calendars.tenants.at("acme"),
            (std::vector<Calendar>{{"Europe/Berlin", "Europe/Berlin", WeekStart::sunday},
                                   {"world", "UTC", WeekStart::monday}}));
  EXPECT_EQ(plan.calendars.tenants.at("95")[0].zone, "Asia/Tokyo");
  EXPECT_EQ(plan.calendars.tenants.size(), 2u);

  auto other = plan.sections_of("Placed Order");
  ASSERT_EQ(other.size(), 1u);
  EXPECT_THAT(shapes(plan, other[0]),
              ElementsAre(" sum:revenue", "campaign sum:revenue", "campaign+client sum:revenue",
                          "campaign+has_flow sum:revenue"));

  auto opened = plan.sections_of("Opened Email");
  ASSERT_EQ(opened.size(), 2u);
  EXPECT_EQ(opened[0].selector.identity(), R"({"metric":"Opened Email"})");
  EXPECT_THAT(shapes(plan, opened[0]),
              ElementsAre(" sum:revenue", "campaign sum:revenue", "campaign+client sum:revenue",
                          "campaign+has_flow sum:revenue", "client", "url", "has_flow",
                          "campaign+url", "client+url", "client+has_flow", "url+has_flow"));
  EXPECT_EQ(opened[1].selector.identity(),
            R"({"together":"Engaged","metrics":["Clicked Email","Opened Email"]})");
  EXPECT_THAT(shapes(plan, opened[1]), ElementsAre(" lifetime", "campaign lifetime"));

  std::vector<std::string> names;
  for (const Selector& s : plan.named_selectors()) names.push_back(s.identity());
  EXPECT_THAT(names,
              ElementsAre(R"({"together":"Engaged","metrics":["Clicked Email","Opened Email"]})",
                          R"({"metric":"Clicked Email"})", R"({"metric":"Opened Email"})"));
}

TEST(PlanExamples, WebShopIsReadAsWritten) {
  const Plan plan = parsed(kWebShop);
  EXPECT_EQ(plan.tenant.kind, Field::Kind::constant);
  EXPECT_EQ(plan.metric.constant, "Placed Order");
  EXPECT_EQ(plan.id.kind, Field::Kind::all);
  EXPECT_EQ(plan.time.no_offset, "Europe/Berlin");
  EXPECT_EQ(plan.properties[0].path.star, 1);
  EXPECT_EQ(plan.calendars.fallback, (std::vector<Calendar>{{"UTC", "UTC", WeekStart::monday}}));
  auto sections = plan.sections_of("Placed Order");
  ASSERT_EQ(sections.size(), 1u);
  EXPECT_THAT(shapes(plan, sections[0]),
              ElementsAre("? sum:revenue sum:units", "country? sum:revenue sum:units",
                          "sku? sum:revenue sum:units", "sku+color? sum:revenue sum:units"));
  const Column& when = plan.columns.at(*sections[0].dimensions[0].when);
  EXPECT_EQ(when.identity, R"({"when":[{"of":{"path":"/financial_status"},"in":["paid"]}]})");
  EXPECT_EQ(sections[0].dimensions[1].identity,
            R"({"when":[{"of":{"path":"/financial_status"},"in":["paid"]}],)"
            R"("of":[{"path":"/shipping_address/country"}]})");
}

TEST(PlanExamples, ProductAnalyticsIsReadAsWritten) {
  const Plan plan = parsed(kProductAnalytics);
  EXPECT_TRUE(plan.properties[0].skip_missing);
  EXPECT_EQ(plan.calendars.fallback,
            (std::vector<Calendar>{{"UTC", "UTC", WeekStart::monday},
                                   {"us", "America/New_York", WeekStart::sunday}}));
  auto sections = plan.sections_of("Used Feature");
  ASSERT_EQ(sections.size(), 2u);
  EXPECT_FALSE(sections[0].selector.group);
  EXPECT_THAT(shapes(plan, sections[0]), ElementsAre("feature sum:ms", "feature+plan sum:ms"));
  EXPECT_EQ(sections[1].selector.identity(), R"({"together":"Active","metrics":"*"})");
  EXPECT_EQ(plan.sections_of("Anything else").size(), 1u);
  EXPECT_EQ(plan.columns[plan.properties[0].column].identity,
            R"({"path":"/context/plan","missing":"skip"})");
}

// A fragment gets the top-level keys that it leaves out.
TEST(PlanExamples, ThoseOfTheDocumentationAreAccepted) {
  std::ifstream in("docs/plan.md");
  ASSERT_TRUE(in) << "run in the repository's folder";
  int examples = 0;
  for (std::string line; std::getline(in, line);) {
    if (line != "```yaml") continue;
    std::string text;
    while (std::getline(in, line) && line != "```") text += line + "\n";
    auto has = [&](const std::string& key) {
      return ("\n" + text).find("\n" + key + ":") != std::string::npos;
    };
    if (!has("quipu")) text += "quipu: 1\n";
    if (!has("event"))
      text += "event: {tenant: /t, metric: /m, time: /at, values: {revenue: /r}}\n";
    if (!has("count")) text += "count: [{metrics: \"*\", by: [[]]}]\n";
    EXPECT_EQ(refusal(text), "accepted") << text;
    ++examples;
  }
  EXPECT_GE(examples, 7);
}

TEST(PlanSections, AMetricOfNoRuleHasNone) {
  const Plan plan = parsed(plan_text("count: [{metrics: [a], by: [[]]}]"));
  EXPECT_THAT(plan.sections_of("b"), IsEmpty());
  EXPECT_THAT(plan.sections_of("*"), IsEmpty());
  EXPECT_EQ(plan.sections_of("a").size(), 1u);
}

TEST(PlanSections, EqualDimensionsOfAMetricAreOne) {
  const Plan plan =
      parsed(plan_text(R"(
properties: {a: /a, b: /b, alias: /a}
count:
  - {metrics: "*", by: [[a, b], [b, a]], sum: [x], unique: no}
  - {metrics: [m], by: [[b, alias], b], sum: [y], unique: no}
  - {metrics: [m], by: [[a, b]], lifetime: yes}
  - {metrics: [m], by: [b], unique: no}
  - {metrics: [m], when: {a: ["1"]}, by: [[a, b]]}
  - {metrics: [m], together: G, by: [[a, b]]}
)",
                       "{tenant: /t, metric: /m, time: /at, values: {x: /x, y: /y}}"));
  auto sections = plan.sections_of("m");
  ASSERT_EQ(sections.size(), 2u);
  EXPECT_THAT(shapes(plan, sections[0]),
              ElementsAre("a+b sum:x sum:y lifetime", "b sum:y no-unique", "a+b?"));
  EXPECT_THAT(shapes(plan, sections[1]), ElementsAre("a+b"));
  auto other = plan.sections_of("other");
  ASSERT_EQ(other.size(), 1u);
  EXPECT_THAT(shapes(plan, other[0]), ElementsAre("a+b sum:x no-unique"));
  EXPECT_EQ(other[0].dimensions[0].identity, sections[0].dimensions[0].identity);
}

TEST(PlanSections, NamesOfMetricsAndValuesAreCanonical) {
  const Plan plan =
      parsed(plan_text("properties: {p: /p}\ncount: [{metrics: [95.0, 95, 9.5e1], when: {p: "
                       "[1.0, \"\", 1]}, by: [[]]}]"));
  EXPECT_EQ(plan.sections_of("95").size(), 1u);
  EXPECT_THAT(plan.sections_of("95.0"), IsEmpty());
  EXPECT_EQ(plan.named_selectors().size(), 2u);
  EXPECT_THAT(plan.columns.back().when[0].second, ElementsAre("", "1"));
}

TEST(PlanSections, CombinationsAreAllSubsetsUpToASize) {
  const Plan plan =
      parsed(plan_text("properties: {a: /a, b: /b, c: /c, d: /d}\ncount: [{metrics: [m], "
                       "combinations: {of: [d, a, c], up_to: 3}}]"));
  EXPECT_THAT(shapes(plan, plan.sections_of("m")[0]),
              ElementsAre("d", "a", "c", "d+a", "d+c", "a+c", "d+a+c"));
}

TEST(PlanColumns, PropertiesComeFirstAndEachKindIsSortedByIdentity) {
  const Plan plan = parsed(plan_text(R"(
properties: {z: /z, y: /y, same as z: /z, present: {present: /z}, unused: /a}
count:
  - {metrics: [m], when: {y: [b]}, by: [z, [same as z, y]]}
  - {metrics: [m], when: {y: [a], z: [q]}, by: [z, present]}
)"));
  std::vector<std::string> identities;
  for (const Column& c : plan.columns) identities.push_back(c.identity);
  EXPECT_THAT(
      identities,
      ElementsAre(R"({"path":"/a"})", R"({"path":"/y"})", R"({"path":"/z","present":true})",
                  R"({"path":"/z"})",
                  R"({"when":[{"of":{"path":"/y"},"in":["a"]},{"of":{"path":"/z"},"in":["q"]}]})",
                  R"({"when":[{"of":{"path":"/y"},"in":["b"]}]})"));
  EXPECT_EQ(plan.properties[0].column, plan.properties[2].column);
  auto sections = plan.sections_of("m");
  EXPECT_EQ(sections[0].dimensions[0].when, 5);
  EXPECT_EQ(sections[0].dimensions[2].when, 4);
}

TEST(PlanInput, DelimitedFormatsAreRead) {
  auto input = [](const std::string& map) {
    return parsed("input: " + map + "\n" +
                  plan_text("count: [{metrics: \"*\", by: [[]]}]",
                            "{tenant: /0, metric: /1, time: /2}"))
        .input;
  };
  InputFormat json = input("{format: json}");
  EXPECT_FALSE(json.delimited);
  InputFormat plain = input("{format: delimited}");
  EXPECT_TRUE(plain.delimited && plain.header && !plain.whitespace);
  EXPECT_EQ(plain.delimiter, ',');
  EXPECT_EQ(plain.quote, '"');
  InputFormat tabs = input("{format: delimited, delimiter: \"\\t\", header: no, quote: none}");
  EXPECT_EQ(tabs.delimiter, '\t');
  EXPECT_EQ(tabs.quote, '\0');
  EXPECT_FALSE(tabs.header);
  InputFormat blanks = input("{format: delimited, delimiter: whitespace, columns: [a, b, c]}");
  EXPECT_TRUE(blanks.whitespace && !blanks.header);
  EXPECT_THAT(blanks.columns, ElementsAre("a", "b", "c"));
  EXPECT_EQ(input("{format: delimited, delimiter: \" \"}").delimiter, ' ');
  EXPECT_EQ(input("{format: delimited, delimiter: \";\", quote: '\"'}").delimiter, ';');
}

TEST(PlanYaml, ScalarsAreTextsWhateverTheyLookLike) {
  const Plan plan = parsed(plan_text(R"(
properties: {no: /no, 1: /1, 2026-03-01: /d, "null": /n, true: /t, off: "/", .inf: /~0~1}
count:
  - {metrics: [no, 0x10, 1_000, 2026-03-01, "null", .nan], when: {no: [no, "no", 0o7, ~0]},
     by: [no, 1, 2026-03-01, "null", true, off, .inf]}
)"));
  std::vector<std::string> names;
  for (const Property& p : plan.properties) names.push_back(p.name);
  EXPECT_THAT(names, ElementsAre("no", "1", "2026-03-01", "null", "true", "off", ".inf"));
  EXPECT_THAT(plan.properties[6].path.tokens, ElementsAre("~/"));
  EXPECT_THAT(plan.properties[5].path.tokens, ElementsAre(""));
  EXPECT_THAT(plan.columns.back().when[0].second, ElementsAre("0o7", "no", "~0"));
  for (const char* metric : {"no", "0x10", "1_000", "2026-03-01", "null", ".nan"})
    EXPECT_EQ(plan.sections_of(metric).size(), 1u) << metric;
}

class TenantsFile : public ::testing::Test {
 protected:
  std::string refused(const std::string& csv) {
    folder_.write("tenants.csv", csv);
    auto plan = Plan::parse(plan_text("calendars: {default: [{zone: UTC}], tenants: {file: "
                                      "tenants.csv}}\ncount: [{metrics: \"*\", by: [[]]}]"),
                            "shop.yaml", folder_.path());
    if (plan.ok()) plan_ = *plan;
    return plan.ok() ? "accepted" : plan.error().message;
  }
  Folder folder_;
  Plan plan_;
};

TEST_F(TenantsFile, MayHaveQuotesAnyOrderAndBlankLines) {
  EXPECT_EQ(refused("\xEF\xBB\xBFname,zone,tenant\r\n\r\n,UTC,\"a, \"\"b\"\"\"\r\nsecond,UTC,\"a, "
                    "\"\"b\"\"\"\r\n\"x\",Asia/Tokyo,c"),
            "accepted");
  EXPECT_EQ(plan_.calendars.tenants.at("a, \"b\""),
            (std::vector<Calendar>{{"UTC", "UTC", WeekStart::monday},
                                   {"second", "UTC", WeekStart::monday}}));
  EXPECT_EQ(plan_.calendars.tenants.at("c")[0].name, "x");
  EXPECT_FALSE(plan_.calendars.unknown_set_aside);
}

TEST_F(TenantsFile, MistakesAreNamedWithFileAndLine) {
  EXPECT_THAT(refused(""), HasSubstr("tenants.csv:1: the file is empty"));
  EXPECT_THAT(
      refused("tenant,zone,weekstart\n"),
      HasSubstr("tenants.csv:1: \"weekstart\": unknown column; did you mean \"week_start\"?"));
  EXPECT_THAT(refused("tenant,zone,zone\n"), HasSubstr("tenants.csv:1: zone: given twice"));
  EXPECT_THAT(refused("tenant,name\n"), HasSubstr("tenants.csv:1: zone: this column is missing"));
  EXPECT_THAT(refused("tenant,zone\na,UTC\nb\n"),
              HasSubstr("tenants.csv:3: 1 fields where the first line has 2"));
  EXPECT_THAT(refused("tenant,zone\n\n\"a,UTC\n"),
              HasSubstr("tenants.csv:3: a quote that does not close"));
  EXPECT_THAT(refused("tenant,zone\n\"a\"b,UTC\n"),
              HasSubstr("tenants.csv:2: a quote that does not close, or text after one"));
  EXPECT_THAT(refused("tenant,zone\n ,UTC\n"), HasSubstr("tenants.csv:2: tenant: is blank"));
  EXPECT_THAT(refused("tenant,zone\na,\n"), HasSubstr("tenants.csv:2: zone: is empty"));
  EXPECT_THAT(refused("tenant,zone\na,Europe/Pariss\n"), HasSubstr("tenants.csv:2: zone: "));
  EXPECT_THAT(refused("tenant,zone,week_start\na,UTC,moonday\n"),
              HasSubstr("tenants.csv:2: week_start: no day \"moonday\"; did you mean \"monday\"?"));
  EXPECT_THAT(refused("tenant,zone\na,UTC\nb,UTC\na,UTC\n"),
              HasSubstr("tenants.csv:4: name: tenant \"a\": two calendars are called \"UTC\""));
  EXPECT_THAT(refused("tenant,zone\n\xff,UTC\n"), HasSubstr("tenants.csv:2: not UTF-8"));
}

TEST_F(TenantsFile, IsStoredWithThePlan) {
  ASSERT_EQ(refused("tenant,zone\na,Asia/Tokyo\n"), "accepted");
  const std::string bytes = plan_.serialise(), fingerprint = plan_.fingerprint();
  folder_.write("tenants.csv", "tenant,zone\nb,UTC\n");
  auto again = Plan::deserialise(bytes);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->calendars.tenants.at("a")[0].zone, "Asia/Tokyo");
  EXPECT_EQ(again->fingerprint(), fingerprint);
  EXPECT_EQ(again->serialise(), bytes);
}

TEST(StoredPlan, HasThisLayout) {
  const std::string text = plan_text("count: [{metrics: \"*\", by: [[]]}]");
  std::string bytes =
      std::string("\x01\x09shop.yaml") + char(text.size()) + text + std::string(1, '\0');
  EXPECT_EQ(parsed(text).serialise(), bytes);
  auto again = Plan::deserialise(bytes);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->name, "shop");
  EXPECT_EQ(again->text, text);
}

TEST(StoredPlan, DamagedBytesAreAnError) {
  Folder folder;
  folder.write("tenants.csv", "tenant,zone\na,UTC\n");
  auto plan = Plan::parse(kEmailMarketing, "e.yaml", folder.path());
  ASSERT_TRUE(plan.ok());
  const std::string bytes = plan->serialise();
  for (size_t n = 0; n < bytes.size(); ++n)
    EXPECT_FALSE(Plan::deserialise(std::string_view(bytes).substr(0, n)).ok()) << n;
  EXPECT_FALSE(Plan::deserialise(bytes + "x").ok());
  EXPECT_FALSE(Plan::deserialise("\x02" + bytes.substr(1)).ok());
}

TEST(StoredPlan, NeedsNoZoneFiles) {
  // A zone that a later tzdata no longer has must not keep a store from opening.
  const std::string text =
      plan_text("calendars: {default: [{zone: Gone/Zone}]}\ncount: [{metrics: \"*\", by: [[]]}]");
  EXPECT_NE(refusal(text), "accepted");
  const std::string bytes =
      std::string("\x01\x01p") + char(text.size()) + text + std::string(1, '\0');
  auto plan = Plan::deserialise(bytes);
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(plan->calendars.fallback[0].zone, "Gone/Zone");
}

TEST(PlanZones, AreLookedForInTheGivenFolder) {
  Folder empty;
  auto plan = Plan::parse(
      plan_text(
          "calendars: {default: [{zone: Europe/Berlin}]}\ncount: [{metrics: \"*\", by: [[]]}]"),
      "shop.yaml", ".", empty.path());
  ASSERT_FALSE(plan.ok());
  EXPECT_THAT(without_column(plan.error().message),
              HasSubstr("shop.yaml:3: calendars.default.zone: "));
}

}  // namespace
}  // namespace quipu
