#include "plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace quipu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kEmailMarketing[] = R"(# email marketing
quipu: 1
event: {tenant: /account, metric: /metric, profile: {first: [/email, /phone, /id], trim: true, lowercase: true},
        id: {first: [/unique_id], else: time_to_second}, time: /time, values: {revenue: /value}}
properties: {campaign: /properties/$message, client: "/properties/Client Name", url: /properties/URL,
             has_flow: {present: /properties/$flow}}
calendars: {default: [{zone: UTC}], tenants: {file: tenants.csv, unknown: set_aside}}
count:
  - {metrics: "*", by: [[], campaign, [campaign, client], [campaign, has_flow]], sum: [revenue]}
  - {metrics: [Clicked Email], by: [url], unique: no}
  - {metrics: [Opened Email, Clicked Email], together: Engaged, by: [[], campaign], lifetime: yes}
  - {metrics: [Opened Email], combinations: {of: [campaign, client, url, has_flow], up_to: 2}}
)";

constexpr char kWebShop[] = R"(# web shop
quipu: 1
event: {tenant: {const: shop}, metric: {const: Placed Order}, profile: {first: [/customer/id, /email]},
        id: {all: [/id, /topic]}, time: {at: /created_at, no_offset: Europe/Berlin}, values: {revenue: /total_price, units: /units}}
properties: {sku: "/line_items/*/sku", color: "/line_items/*/color", country: /shipping_address/country, paid: /financial_status}
count:
  - {metrics: "*", when: {paid: [paid]}, by: [[], country, sku, [sku, color]], sum: [revenue, units]}
)";

constexpr char kProductAnalytics[] = R"(# product analytics
quipu: 1
event: {tenant: /workspace, metric: /event, profile: {first: [/userId, /anonymousId]}, id: /messageId, time: /timestamp, values: {ms: /properties/duration_ms}}
properties: {plan: {at: /context/plan, missing: skip}, feature: /properties/feature, company: /context/groupId}
calendars: {default: [{zone: UTC}, {name: us, zone: America/New_York, week_start: sunday}]}
count:
  - {metrics: "*", together: Active, by: [[], plan, company], lifetime: yes}
  - {metrics: [Used Feature], by: [feature, [feature, plan]], sum: [ms]}
)";

// A plan around the parts that a test is about.
std::string plan_text(const std::string& properties_and_count, const std::string& event = "{tenant: /t, metric: /m, time: /at}") {
  return "quipu: 1\nevent: " + event + "\n" + properties_and_count;
}

Plan parsed(const std::string& text) {
  auto plan = Plan::parse(text, "shop.yaml", ".");
  EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().message) << "\n" << text;
  return plan.ok() ? *plan : Plan();
}

std::string refusal(const std::string& text) {
  auto plan = Plan::parse(text, "shop.yaml", ".");
  return plan.ok() ? "accepted" : plan.error().message;
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
  Folder() : path_(std::filesystem::temp_directory_path() / ("quipu_plan_test_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  void write(const std::string& name, const std::string& text) { std::ofstream(path_ / name, std::ios::binary) << text; }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

TEST(PlanExamples, EmailMarketingIsReadAsWritten) {
  Folder folder;
  folder.write("tenants.csv", "tenant,zone,week_start,name\nacme,Europe/Berlin,sunday,\nacme,UTC,,world\n95.0,Asia/Tokyo,,\n");
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
            (std::vector<Calendar>{{"Europe/Berlin", "Europe/Berlin", WeekStart::sunday}, {"world", "UTC", WeekStart::monday}}));
  EXPECT_EQ(plan.calendars.tenants.at("95")[0].zone, "Asia/Tokyo");
  EXPECT_EQ(plan.calendars.tenants.size(), 2u);

  auto other = plan.sections_of("Placed Order");
  ASSERT_EQ(other.size(), 1u);
  EXPECT_THAT(shapes(plan, other[0]), ElementsAre(" sum:revenue", "campaign sum:revenue", "campaign+client sum:revenue", "campaign+has_flow sum:revenue"));

  auto opened = plan.sections_of("Opened Email");
  ASSERT_EQ(opened.size(), 2u);
  EXPECT_EQ(opened[0].selector.identity(), R"({"metric":"Opened Email"})");
  EXPECT_THAT(shapes(plan, opened[0]),
              ElementsAre(" sum:revenue", "campaign sum:revenue", "campaign+client sum:revenue", "campaign+has_flow sum:revenue", "client", "url",
                          "has_flow", "campaign+url", "client+url", "client+has_flow", "url+has_flow"));
  EXPECT_EQ(opened[1].selector.identity(), R"({"together":"Engaged","metrics":["Clicked Email","Opened Email"]})");
  EXPECT_THAT(shapes(plan, opened[1]), ElementsAre(" lifetime", "campaign lifetime"));

  std::vector<std::string> names;
  for (const Selector& s : plan.named_selectors()) names.push_back(s.identity());
  EXPECT_THAT(names, ElementsAre(R"({"together":"Engaged","metrics":["Clicked Email","Opened Email"]})", R"({"metric":"Clicked Email"})",
                                 R"({"metric":"Opened Email"})"));
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
  EXPECT_THAT(shapes(plan, sections[0]), ElementsAre("? sum:revenue sum:units", "country? sum:revenue sum:units", "sku? sum:revenue sum:units", "sku+color? sum:revenue sum:units"));
  const Column& when = plan.columns.at(*sections[0].dimensions[0].when);
  EXPECT_EQ(when.identity, R"({"when":[{"of":{"path":"/financial_status"},"in":["paid"]}]})");
  EXPECT_EQ(sections[0].dimensions[1].identity,
            R"({"when":[{"of":{"path":"/financial_status"},"in":["paid"]}],"of":[{"path":"/shipping_address/country"}]})");
}

TEST(PlanExamples, ProductAnalyticsIsReadAsWritten) {
  const Plan plan = parsed(kProductAnalytics);
  EXPECT_TRUE(plan.properties[0].skip_missing);
  EXPECT_EQ(plan.calendars.fallback, (std::vector<Calendar>{{"UTC", "UTC", WeekStart::monday}, {"us", "America/New_York", WeekStart::sunday}}));
  auto sections = plan.sections_of("Used Feature");
  ASSERT_EQ(sections.size(), 2u);
  EXPECT_FALSE(sections[0].selector.group);
  EXPECT_THAT(shapes(plan, sections[0]), ElementsAre("feature sum:ms", "feature+plan sum:ms"));
  EXPECT_EQ(sections[1].selector.identity(), R"({"together":"Active","metrics":"*"})");
  EXPECT_EQ(plan.sections_of("Anything else").size(), 1u);
  EXPECT_EQ(plan.columns[plan.properties[0].column].identity, R"({"path":"/context/plan","missing":"skip"})");
}

TEST(PlanSections, AMetricOfNoRuleHasNone) {
  const Plan plan = parsed(plan_text("count: [{metrics: [a], by: [[]]}]"));
  EXPECT_THAT(plan.sections_of("b"), IsEmpty());
  EXPECT_THAT(plan.sections_of("*"), IsEmpty());
  EXPECT_EQ(plan.sections_of("a").size(), 1u);
}

TEST(PlanSections, EqualDimensionsOfAMetricAreOne) {
  const Plan plan = parsed(plan_text(R"(
properties: {a: /a, b: /b, alias: /a}
count:
  - {metrics: "*", by: [[a, b], [b, a]], sum: [x], unique: no}
  - {metrics: [m], by: [[b, alias], b], sum: [y], unique: no}
  - {metrics: [m], by: [[a, b]], lifetime: yes}
  - {metrics: [m], by: [b], unique: no}
  - {metrics: [m], when: {a: ["1"]}, by: [[a, b]]}
  - {metrics: [m], together: G, by: [[a, b]]}
)", "{tenant: /t, metric: /m, time: /at, values: {x: /x, y: /y}}"));
  auto sections = plan.sections_of("m");
  ASSERT_EQ(sections.size(), 2u);
  EXPECT_THAT(shapes(plan, sections[0]), ElementsAre("a+b sum:x sum:y lifetime", "b sum:y no-unique", "a+b?"));
  EXPECT_THAT(shapes(plan, sections[1]), ElementsAre("a+b"));
  auto other = plan.sections_of("other");
  ASSERT_EQ(other.size(), 1u);
  EXPECT_THAT(shapes(plan, other[0]), ElementsAre("a+b sum:x no-unique"));
  EXPECT_EQ(other[0].dimensions[0].identity, sections[0].dimensions[0].identity);
}

TEST(PlanSections, NamesOfMetricsAndValuesAreCanonical) {
  const Plan plan = parsed(plan_text("properties: {p: /p}\ncount: [{metrics: [95.0, 9.5e1, \"x\"], when: {p: [1.0, \"\", 1]}, by: [[]]}]"));
  EXPECT_EQ(plan.sections_of("95").size(), 1u);
  EXPECT_THAT(plan.sections_of("95.0"), IsEmpty());
  EXPECT_EQ(plan.named_selectors().size(), 2u);
  EXPECT_THAT(plan.columns.back().when[0].second, ElementsAre("", "1"));
}

TEST(PlanSections, CombinationsAreAllSubsetsUpToASize) {
  const Plan plan = parsed(plan_text("properties: {a: /a, b: /b, c: /c, d: /d}\ncount: [{metrics: [m], combinations: {of: [d, a, c], up_to: 3}}]"));
  EXPECT_THAT(shapes(plan, plan.sections_of("m")[0]), ElementsAre("d", "a", "c", "d+a", "d+c", "a+c", "d+a+c"));
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
  EXPECT_THAT(identities, ElementsAre(R"({"path":"/a"})", R"({"path":"/y"})", R"({"path":"/z","present":true})", R"({"path":"/z"})",
                                      R"({"when":[{"of":{"path":"/y"},"in":["a"]},{"of":{"path":"/z"},"in":["q"]}]})",
                                      R"({"when":[{"of":{"path":"/y"},"in":["b"]}]})"));
  EXPECT_EQ(plan.properties[0].column, plan.properties[2].column);
  auto sections = plan.sections_of("m");
  EXPECT_EQ(sections[0].dimensions[0].when, 5);
  EXPECT_EQ(sections[0].dimensions[2].when, 4);
}

TEST(PlanInput, DelimitedFormatsAreRead) {
  auto input = [](const std::string& map) { return parsed("input: " + map + "\n" + plan_text("count: [{metrics: \"*\", by: [[]]}]", "{tenant: /0, metric: /1, time: /2}")).input; };
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
  - {metrics: [no, 0x10, 1_000, 2026-03-01, "null", .nan], when: {no: [no, "no", 0o7, ~0]}, by: [no, 1, 2026-03-01, "null", true, off, .inf]}
)"));
  std::vector<std::string> names;
  for (const Property& p : plan.properties) names.push_back(p.name);
  EXPECT_THAT(names, ElementsAre("no", "1", "2026-03-01", "null", "true", "off", ".inf"));
  EXPECT_THAT(plan.properties[6].path.tokens, ElementsAre("~/"));
  EXPECT_THAT(plan.properties[5].path.tokens, ElementsAre(""));
  EXPECT_THAT(plan.columns.back().when[0].second, ElementsAre("0o7", "no", "~0"));
  for (const char* metric : {"no", "0x10", "1_000", "2026-03-01", "null", ".nan"}) EXPECT_EQ(plan.sections_of(metric).size(), 1u) << metric;
}

struct Refused {
  const char* what;       // the name of the case
  const char* plan;       // behind "quipu: 1\nevent: {tenant: /t, metric: /m, time: /at, values: {x: /x, y: /y}}\n"
  const char* message;    // must be in it
};

// The line is 3 for a plan in one line.
const Refused kRefused[] = {
    {"unknown_key", "propertys: {a: /a}\ncount: [{metrics: \"*\", by: [[]]}]", "shop.yaml:3: \"propertys\": unknown key; did you mean \"properties\"?"},
    {"unknown_rule_key", "count: [{metrics: \"*\", bye: [[]]}]", "shop.yaml:3: count.\"bye\": unknown key; did you mean \"by\"?"},
    {"repeated_key", "properties: {a: /a,\n  b: /b,\n  a: /c}", "shop.yaml:5: \"a\": given twice (first in line 3)"},
    {"count_missing", "properties: {a: /a}", "shop.yaml:1: count is missing"},
    {"count_empty", "count: []", "shop.yaml:3: count: is an empty list; write a list of rules"},
    {"count_null", "count:", "shop.yaml:3: count: is empty; write a list of rules"},
    {"count_map", "count: {metrics: \"*\"}", "shop.yaml:3: count: is a map; write a list"},
    {"rule_text", "count: [a]", "shop.yaml:3: count: is a text (\"a\"); write a map"},
    {"metrics_missing", "count: [{by: [[]]}]", "shop.yaml:3: count: metrics is missing; write a list"},
    {"metrics_text", "count: [{metrics: Opened, by: [[]]}]", "count.metrics: is a text (\"Opened\"); write a list of metrics"},
    {"metrics_empty", "count: [{metrics: [], by: [[]]}]", "count.metrics: is an empty list"},
    {"metrics_star_in_list", "count: [{metrics: [\"*\"], by: [[]]}]", "for all metrics write metrics: \"*\""},
    {"metrics_star_unquoted", "count: [{metrics: *, by: [[]]}]", "shop.yaml:3: not YAML: alias not found after *; a star stands in quotes: \"*\""},
    {"metrics_null", "count: [{metrics: [~], by: [[]]}]", "count.metrics: is empty; write a text"},
    {"metrics_blank", "count: [{metrics: [\" \"], by: [[]]}]", "count.metrics: is blank; write a name"},
    {"by_missing", "count: [{metrics: \"*\"}]", "count: counts by nothing; add by:"},
    {"by_empty", "count: [{metrics: \"*\", by: []}]", "count.by: is an empty list; write a list"},
    {"by_text", "properties: {a: /a}\ncount: [{metrics: \"*\", by: a}]", "shop.yaml:4: count.by: is a text (\"a\"); write a list"},
    {"by_map", "properties: {a: /a}\ncount: [{metrics: \"*\", by: [{a: 1}]}]", "count.by: is a map"},
    {"by_unknown", "properties: {campaign: /a}\ncount: [{metrics: \"*\", by: [campain]}]", "no property \"campain\"; did you mean \"campaign\"?"},
    {"by_unknown_inner", "properties: {campaign: /a}\ncount: [{metrics: \"*\", by: [[Campaign]]}]", "no property \"Campaign\"; did you mean \"campaign\"?"},
    {"by_twice", "properties: {a: /a}\ncount: [{metrics: \"*\", by: [[a, a]]}]", "property \"a\" is named twice here"},
    {"by_same_definition", "properties: {a: /a, b: /a}\ncount: [{metrics: \"*\", by: [[a, b]]}]", "property \"b\" is the same as \"a\""},
    {"by_nine", "properties: {a: /a, b: /b, c: /c, d: /d, e: /e, f: /f, g: /g, h: /h, i: /i}\ncount: [{metrics: \"*\", by: [[a, b, c, d, e, f, g, h, i]]}]", "9 properties in one list; at most 8"},
    {"by_and_combinations", "properties: {a: /a}\ncount: [{metrics: \"*\", by: [a], combinations: {of: [a], up_to: 1}}]", "both `by` and `combinations`; make it two rules"},
    {"combinations_up_to_zero", "properties: {a: /a}\ncount: [{metrics: \"*\", combinations: {of: [a], up_to: 0}}]", "count.combinations.up_to: is a text (\"0\"); write a number from 1 to 8"},
    {"combinations_up_to_nine", "properties: {a: /a}\ncount: [{metrics: \"*\", combinations: {of: [a], up_to: 9}}]", "write a number from 1 to 8"},
    {"combinations_of_missing", "count: [{metrics: \"*\", combinations: {up_to: 2}}]", "needs both of and up_to"},
    {"combinations_of_empty", "count: [{metrics: \"*\", combinations: {of: [], up_to: 2}}]", "count.combinations.of: is an empty list"},
    {"sum_unknown", "count: [{metrics: \"*\", by: [[]], sum: [z]}]", "count.sum: no value \"z\"; did you mean \"x\"? (values are named under event.values)"},
    {"sum_empty", "count: [{metrics: \"*\", by: [[]], sum: []}]", "count.sum: is an empty list"},
    {"unique_word", "count: [{metrics: \"*\", by: [[]], unique: nope}]", "count.unique: is a text (\"nope\"); write yes or no"},
    {"together_empty", "count: [{metrics: \"*\", by: [[]], together: \"\"}]", "count.together: is an empty text; write a name"},
    {"together_other_metrics", "count:\n  - {metrics: [a], together: G, by: [[]]}\n  - {metrics: [a, b], together: G, by: [[]]}", "shop.yaml:5: count.together: \"G\" has other metrics than in line 4"},
    {"together_named_as_metric", "count:\n  - {metrics: [a], together: G, by: [[]]}\n  - {metrics: [G], by: [[]]}", "shop.yaml:5: count.metrics: the metric \"G\" has the name of the group in line 4"},
    {"when_empty", "count: [{metrics: \"*\", by: [[]], when: {}}]", "count.when: is a map; write properties with lists"},
    {"when_text", "properties: {a: /a}\ncount: [{metrics: \"*\", by: [[]], when: {a: paid}}]", "count.when.a: is a text (\"paid\"); write properties with lists of values"},
    {"when_no_values", "properties: {a: /a}\ncount: [{metrics: \"*\", by: [[]], when: {a: []}}]", "count.when.a: is an empty list"},
    {"when_unknown", "properties: {a: /a}\ncount: [{metrics: \"*\", by: [[]], when: {b: [x]}}]", "count.when.b: no property \"b\"; did you mean \"a\"?"},
    {"when_null", "properties: {a: /a}\ncount: [{metrics: \"*\", by: [[]], when: {a: [null]}}]", "write a text (the words null and ~ in quotes, the empty text as \"\")"},
    {"when_present", "properties: {a: {present: /a}}\ncount: [{metrics: \"*\", by: [[]], when: {a: [yes]}}]", "\"yes\" is never met"},
    {"when_same_definition", "properties: {a: /a, b: /a}\ncount: [{metrics: \"*\", by: [[]], when: {a: [x], b: [y]}}]", "put the values in one list"},
    {"properties_empty", "properties: {}\ncount: [{metrics: \"*\", by: [[]]}]", "shop.yaml:3: properties: is a map; write a map of names and paths"},
    {"properties_list", "properties: [/a]\ncount: [{metrics: \"*\", by: [[]]}]", "properties: is a list; write a map of names and paths"},
    {"property_no_slash", "properties: {a: b/c}", "shop.yaml:3: properties.a: the path \"b/c\" does not begin with /; write \"/b/c\""},
    {"property_bad_tilde", "properties: {a: /x~2}", "has a ~ by itself"},
    {"property_last_tilde", "properties: {a: /x~}", "has a ~ by itself"},
    {"property_two_stars", "properties: {a: \"/x/*/y/*\"}", "more than one *"},
    {"property_present_star", "properties: {a: {present: \"/x/*\"}}", "has a *, which only `properties` may have"},
    {"property_present_and_missing", "properties: {a: {present: /x, missing: skip}}", "properties.a.\"missing\": unknown key"},
    {"property_missing_word", "properties: {a: {at: /x, missing: skipp}}", "write empty or skip; did you mean \"skip\"?"},
    {"property_no_path", "properties: {a: {missing: skip}}", "properties.a: has no path"},
    {"property_list", "properties: {a: [/x]}", "properties.a: is a list; write a path"},
    {"property_null", "properties: {a: }", "properties.a: is empty; write a path"},
    {"property_unnamed", "properties: {\"\": /a}", "a property without name"},
    {"property_null_name", "properties: {~: /a}", "shop.yaml:3: a key that is missing or no text"},
    {"calendars_no_default", "calendars: {tenants: {a: [{zone: UTC}]}}", "calendars: default is missing"},
    {"calendars_empty", "calendars: {default: []}", "calendars.default: is an empty list"},
    {"calendar_no_zone", "calendars: {default: [{name: x}]}", "calendars.default: a calendar without zone"},
    {"calendar_bad_zone", "calendars: {default: [{zone: Europe/Berlim}]}", "shop.yaml:3: calendars.default.zone: "},
    {"calendar_bad_zone_near", "calendars: {default: [{zone: Europe/Berlim}]}", "Europe/Berlin"},
    {"calendar_zone_path", "calendars: {default: [{zone: ../../etc/passwd}]}", "calendars.default.zone: "},
    {"calendar_week_start", "calendars: {default: [{zone: UTC, week_start: Sunday}]}", "did you mean \"sunday\"?"},
    {"calendar_same_name", "calendars: {default: [{zone: UTC}, {zone: UTC, week_start: sunday}]}", "two calendars are called \"UTC\""},
    {"calendars_nine", "calendars: {default: [{zone: UTC, name: a}, {zone: UTC, name: b}, {zone: UTC, name: c}, {zone: UTC, name: d}, {zone: UTC, name: e}, {zone: UTC, name: f}, {zone: UTC, name: g}, {zone: UTC, name: h}, {zone: UTC, name: i}]}", "more than 8 calendars"},
    {"tenants_text", "calendars: {default: [{zone: UTC}], tenants: a.csv}", "calendars.tenants: is a text"},
    {"tenants_twice", "calendars: {default: [{zone: UTC}], tenants: {1: [{zone: UTC}], 1.0: [{zone: UTC}]}}", "tenant \"1\" has calendars already"},
    {"tenants_unknown_word", "calendars: {default: [{zone: UTC}], tenants: {unknown: aside}}", "write default or set_aside"},
    {"tenants_no_file", "calendars: {default: [{zone: UTC}], tenants: {file: no_such.csv}}", "shop.yaml:3: calendars.tenants.file: there is no file ./no_such.csv"},
    {"tenants_folder", "calendars: {default: [{zone: UTC}], tenants: {file: .}}", "there is no file"},
    {"input_json_delimiter", "input: {delimiter: \",\"}", "input.delimiter: goes with `format: delimited` only"},
    {"input_format", "input: {format: csv}", "input.format: is a text (\"csv\"); write json or delimited"},
    {"input_delimiter", "input: {format: delimited, delimiter: \"::\"}", "write one ASCII character"},
    {"input_delimiter_wide", "input: {format: delimited, delimiter: \"é\"}", "write one ASCII character"},
    {"input_delimiter_newline", "input: {format: delimited, delimiter: \"\\n\"}", "write one ASCII character"},
    {"input_delimiter_quote", "input: {format: delimited, delimiter: '\"'}", "is the quote as well"},
    {"input_quote", "input: {format: delimited, quote: \"'\"}", "input.quote: is a text"},
    {"input_header_and_columns", "input: {format: delimited, header: yes, columns: [a]}", "drop `columns`, or write `header: no`"},
    {"input_columns_twice", "input: {format: delimited, columns: [a, a]}", "column \"a\" is named twice"},
    {"anchor", "properties: &a {x: /x}", "shop.yaml:3: an anchor (&) or alias (*)"},
    {"alias", "properties: {x: &a /x, y: *a}", "an anchor (&) or alias (*)"},
    {"tag", "properties: {x: !!str /x}", "a tag (!), which plans do not use"},
    {"list_as_key", "properties: {[a]: /x}", "a key that is missing or no text"},
    {"two_documents", "count: [{metrics: \"*\", by: [[]]}]\n---\na: 1", "shop.yaml:5: a second YAML document"},
    {"unclosed", "count: [{metrics: \"*\", by: [[]]}", "close all brackets"},
    {"too_deep", "count: [[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]", "nested deeper than 16 levels"},
    {"bad_utf8", "properties: {a: \"/\xff\"}", "shop.yaml:3: not UTF-8"},
    {"surrogate", "properties: {a: \"/\\ud800\"}", "not YAML"},
};

class PlanRefusals : public ::testing::TestWithParam<Refused> {};

TEST_P(PlanRefusals, NameThePlaceAndWhatWouldBeRight) {
  EXPECT_THAT(refusal(plan_text(GetParam().plan, "{tenant: /t, metric: /m, time: /at, values: {x: /x, y: /y}}")), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(Plan, PlanRefusals, ::testing::ValuesIn(kRefused),
                         [](const auto& param_info) { return std::string(param_info.param.what); });

const Refused kRefusedEvents[] = {
    {"tenant_missing", "{metric: /m, time: /t}", "shop.yaml:2: event: tenant is missing; write where it is in a line (tenant: /path)"},
    {"metric_missing", "{tenant: /m, time: /t}", "event: metric is missing"},
    {"time_missing", "{tenant: /m, metric: /t}", "event: time is missing"},
    {"unknown", "{tennant: /t, metric: /m, time: /at}", "shop.yaml:2: event.\"tennant\": unknown key; did you mean \"tenant\"?"},
    {"text", "/t", "event: is a text (\"/t\"); write a map"},
    {"star", "{tenant: \"/*\", metric: /m, time: /at}", "event.tenant: the path \"/*\" has a *, which only `properties` may have"},
    {"list", "{tenant: [/a], metric: /m, time: /at}", "event.tenant: is a list; write a path"},
    {"first_text", "{tenant: {first: /a}, metric: /m, time: /at}", "event.tenant.first: is a text (\"/a\"); write a list of paths"},
    {"first_empty", "{tenant: {first: []}, metric: /m, time: /at}", "event.tenant.first: is an empty list"},
    {"first_and_const", "{tenant: {first: [/a], const: b}, metric: /m, time: /at}", "needs either first or const"},
    {"nothing", "{tenant: {trim: yes}, metric: /m, time: /at}", "needs either first or const"},
    {"const_blank", "{tenant: {const: \" \"}, metric: /m, time: /at}", "event.tenant.const: is blank"},
    {"const_trim", "{tenant: {const: a, trim: yes}, metric: /m, time: /at}", "event.tenant.trim: goes with `first` only"},
    {"tenant_all", "{tenant: {all: [/a]}, metric: /m, time: /at}", "event.tenant.\"all\": unknown key"},
    {"tenant_required", "{tenant: {first: [/a], required: yes}, metric: /m, time: /at}", "unknown key"},
    {"id_else", "{tenant: /t, metric: /m, time: /at, id: {first: [/i], else: time}}", "event.id.else: is a text (\"time\"); write time_to_second"},
    {"id_all_else", "{tenant: /t, metric: /m, time: /at, id: {all: [/i], else: time_to_second}}", "event.id.else: goes with `first` only"},
    {"id_nothing", "{tenant: /t, metric: /m, time: /at, id: {else: time_to_second}}", "needs one of first, all and const"},
    {"time_list", "{tenant: /t, metric: /m, time: [/at]}", "event.time: is a list"},
    {"time_no_path", "{tenant: /t, metric: /m, time: {unit: unix_s}}", "event.time: has no path"},
    {"time_unit", "{tenant: /t, metric: /m, time: {at: /at, unit: ms}}", "event.time.unit: is a text (\"ms\"); write unix_s, unix_ms, unix_us or unix_ns; did you mean \"unix_ms\"?"},
    {"time_unit_and_format", "{tenant: /t, metric: /m, time: {at: /at, unit: unix_s, format: \"%s\"}}", "event.time.format: goes not with `unit`"},
    {"time_format", "{tenant: /t, metric: /m, time: {at: /at, format: \"%Q\"}}", "shop.yaml:2: event.time.format: "},
    {"time_zone", "{tenant: /t, metric: /m, time: {at: /at, no_offset: CEST}}", "shop.yaml:2: event.time.no_offset: "},
    {"values_five", "{tenant: /t, metric: /m, time: /at, values: {a: /a, b: /b, c: /c, d: /d, e: /e}}", "event.values.e: more than 4 values"},
    {"values_empty", "{tenant: /t, metric: /m, time: /at, values: {}}", "event.values: is a map; write a map of names and paths"},
    {"value_const_text", "{tenant: /t, metric: /m, time: /at, values: {a: {const: one}}}", "event.values.a.const: is a text (\"one\"); write a number"},
    {"value_const_large", "{tenant: /t, metric: /m, time: /at, values: {a: {const: 1e21}}}", "write a number of at most 10^20"},
};

class EventRefusals : public ::testing::TestWithParam<Refused> {};

TEST_P(EventRefusals, NameThePlaceAndWhatWouldBeRight) {
  EXPECT_THAT(refusal(plan_text("count: [{metrics: \"*\", by: [[]]}]", GetParam().plan)), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(Plan, EventRefusals, ::testing::ValuesIn(kRefusedEvents),
                         [](const auto& param_info) { return std::string(param_info.param.what); });

TEST(PlanRoot, OtherVersionsAndOtherFilesAreRefused) {
  EXPECT_THAT(refusal(""), HasSubstr("shop.yaml:1: is empty; a plan is a map"));
  EXPECT_THAT(refusal("quipu: 2\nnew_key: 1"), HasSubstr("shop.yaml:1: quipu: is a text (\"2\"); this program reads plans of version 1"));
  EXPECT_THAT(refusal("event: {}"), HasSubstr("quipu is missing; begin the plan with `quipu: 1`"));
  EXPECT_THAT(refusal("- a"), HasSubstr("is a list; a plan is a map"));
  EXPECT_THAT(refusal("quipu: 1\ncount: []"), HasSubstr("shop.yaml:1: event is missing"));
  EXPECT_THAT(refusal("{\"json\": true}"), HasSubstr("quipu is missing"));
  EXPECT_THAT(refusal(std::string("quipu: 1\n\0", 10)), HasSubstr("shop.yaml:2: a NUL character"));
  EXPECT_THAT(refusal("quipu: 1\n" + std::string(1 << 20, '#')), HasSubstr("a plan has at most 1048576"));
}

TEST(PlanRoot, HostileNestingIsAnError) {
  for (const char* open : {"[", "{", "- ", "? ", "{a: ", "[{", "- - ? "}) {
    std::string text;
    while (text.size() < 200000) text += open;
    EXPECT_NE(refusal(text), "accepted") << open;
  }
}

TEST(PlanDelimited, PathsMustNameColumns) {
  auto message = [](const std::string& input, const std::string& path) {
    return refusal("input: " + input + "\n" + plan_text("properties: {p: \"" + path + "\"}\ncount: [{metrics: \"*\", by: [[]]}]", "{tenant: /0, metric: /1, time: /0}"));
  };
  EXPECT_EQ(message("{format: delimited}", "/any name"), "accepted");
  EXPECT_EQ(message("{format: delimited, header: no}", "/17"), "accepted");
  EXPECT_EQ(message("{format: delimited, columns: [url, ref]}", "/url"), "accepted");
  EXPECT_EQ(message("{format: delimited, columns: [url, ref]}", "/1"), "accepted");
  EXPECT_THAT(message("{format: delimited}", "/a/b"), HasSubstr("delimited fields are texts: write /column or /0"));
  EXPECT_THAT(message("{format: delimited}", "/*"), HasSubstr("delimited fields are texts"));
  EXPECT_THAT(message("{format: delimited, header: no}", "/url"), HasSubstr("write its place (/0 is the first)"));
  EXPECT_THAT(message("{format: delimited, header: no}", "/01"), HasSubstr("write its place"));
  EXPECT_THAT(message("{format: delimited, columns: [url, ref]}", "/2"), HasSubstr("no column \"2\""));
  EXPECT_THAT(message("{format: delimited, columns: [url, ref]}", "/ulr"), HasSubstr("did you mean \"url\"?"));
}

TEST(PlanNames, ThatTheFieldsTransformChangesAreRefused) {
  const std::string event = "{tenant: {first: [/t], lowercase: yes}, metric: {first: [/m], trim: yes, lowercase: yes}, time: /at}";
  EXPECT_THAT(refusal(plan_text("count: [{metrics: [Opened Email], by: [[]]}]", event)), HasSubstr("\"Opened Email\" is never met, since event.metric is trimmed or put in lower case; write \"opened email\""));
  EXPECT_EQ(refusal(plan_text("count: [{metrics: [opened email, 1E2], by: [[]]}]", event)), "accepted");
  EXPECT_THAT(refusal(plan_text("calendars: {default: [{zone: UTC}], tenants: {Acme: [{zone: UTC}]}}\ncount: [{metrics: \"*\", by: [[]]}]", event)), HasSubstr("calendars.tenants.Acme: \"Acme\" is never met"));
}

std::string properties(int count) {
  std::string out = "properties: {";
  for (int i = 0; i < count; ++i) out += (i ? ", p" : "p") + std::to_string(i) + ": /p" + std::to_string(i);
  return out + "}\n";
}

TEST(PlanLimits, SixtyFourColumnsWithWhens) {
  auto text = [](int columns, int whens) {
    std::string out = plan_text(properties(columns) + "count:\n");
    for (int i = 0; i < std::max(whens, 1); ++i) out += "  - {metrics: \"*\", by: [p0]" + (whens ? ", when: {p1: [" + std::to_string(i) + "]}" : std::string()) + "}\n";
    return out;
  };
  EXPECT_EQ(refusal(text(64, 0)), "accepted");
  EXPECT_EQ(refusal(text(60, 4)), "accepted");
  EXPECT_THAT(refusal(text(65, 0)), HasSubstr("more than 64 different properties"));
  EXPECT_THAT(refusal(text(60, 5)), HasSubstr("60 properties and 5 different `when`s are more than 64"));
}

TEST(PlanLimits, AThousandAndTwentyFourDimensionsAMetricWithItsGroups) {
  // C(45,1) + C(45,2) = 1,035; C(44,1) + C(44,2) = 990 (16 blocks of 64).
  EXPECT_THAT(refusal(plan_text(properties(45) + "count: [{metrics: \"*\", combinations: {of: " + [] {
                std::string of = "[";
                for (int i = 0; i < 45; ++i) of += (i ? ", p" : "p") + std::to_string(i);
                return of + "]";
              }() + ", up_to: 2}}]")),
              HasSubstr("gives more than 1024 combinations"));
  auto text = [](int list, const std::string& more) {
    std::string of;
    for (int i = 0; i < list; ++i) of += (i ? ", p" : "p") + std::to_string(i);
    return plan_text(properties(64) + "count:\n  - {metrics: \"*\", combinations: {of: [" + of + "], up_to: 2}}\n" + more);
  };
  EXPECT_EQ(refusal(text(44, "")), "accepted");                                                         // 990: 16 blocks
  EXPECT_EQ(refusal(text(43, "  - {metrics: \"*\", together: G, by: [[]]}")), "accepted");              // 946: 15 blocks, and 1
  EXPECT_THAT(refusal(text(44, "  - {metrics: \"*\", together: G, by: [[]]}")), HasSubstr("all metrics would count in more than 1024"));
  EXPECT_THAT(refusal(text(44, "  - {metrics: [m], together: G, by: [[]]}")), HasSubstr("shop.yaml:6: count: the metric \"m\" would count in more than 1024"));
  EXPECT_EQ(refusal(text(44, "  - {metrics: [m], combinations: {of: [p0, p1, p63], up_to: 1}}")), "accepted");  // 991
  std::string own = "  - {metrics: [m], by: [";
  for (int i = 0; i < 34; ++i) own += "[p60, p" + std::to_string(i) + "], ";
  EXPECT_THAT(refusal(text(44, own + "p63]}")), HasSubstr("the metric \"m\" would count in more than 1024"));   // 990 + 35
  EXPECT_EQ(refusal(text(44, own + "p0]}")), "accepted");                                                       // 990 + 34: p0 is there already
}

TEST(PlanLimits, SixteenGroupsAMetric) {
  std::string text = plan_text("count:\n");
  for (int i = 0; i < 16; ++i) text += "  - {metrics: [m], together: g" + std::to_string(i) + ", by: [[]]}\n";
  EXPECT_EQ(refusal(text), "accepted");
  EXPECT_THAT(refusal(text + "  - {metrics: [m], by: [[]]}\n"), HasSubstr("each rounded up to a multiple of 64"));
}

class TenantsFile : public ::testing::Test {
 protected:
  std::string refused(const std::string& csv) {
    folder_.write("tenants.csv", csv);
    auto plan = Plan::parse(plan_text("calendars: {default: [{zone: UTC}], tenants: {file: tenants.csv}}\ncount: [{metrics: \"*\", by: [[]]}]"), "shop.yaml", folder_.path());
    if (plan.ok()) plan_ = *plan;
    return plan.ok() ? "accepted" : plan.error().message;
  }
  Folder folder_;
  Plan plan_;
};

TEST_F(TenantsFile, MayHaveQuotesAnyOrderAndBlankLines) {
  EXPECT_EQ(refused("\xEF\xBB\xBFname,zone,tenant\r\n\r\n,UTC,\"a, \"\"b\"\"\"\r\nsecond,UTC,\"a, \"\"b\"\"\"\r\n\"x\",Asia/Tokyo,c"), "accepted");
  EXPECT_EQ(plan_.calendars.tenants.at("a, \"b\""), (std::vector<Calendar>{{"UTC", "UTC", WeekStart::monday}, {"second", "UTC", WeekStart::monday}}));
  EXPECT_EQ(plan_.calendars.tenants.at("c")[0].name, "x");
  EXPECT_FALSE(plan_.calendars.unknown_set_aside);
}

TEST_F(TenantsFile, MistakesAreNamedWithFileAndLine) {
  EXPECT_THAT(refused(""), HasSubstr("tenants.csv:1: the file is empty"));
  EXPECT_THAT(refused("tenant,zone,weekstart\n"), HasSubstr("tenants.csv:1: \"weekstart\": unknown column; did you mean \"week_start\"?"));
  EXPECT_THAT(refused("tenant,zone,zone\n"), HasSubstr("tenants.csv:1: zone: given twice"));
  EXPECT_THAT(refused("tenant,name\n"), HasSubstr("tenants.csv:1: zone: this column is missing"));
  EXPECT_THAT(refused("tenant,zone\na,UTC\nb\n"), HasSubstr("tenants.csv:3: 1 fields where the first line has 2"));
  EXPECT_THAT(refused("tenant,zone\n\n\"a,UTC\n"), HasSubstr("tenants.csv:3: a quote that does not close"));
  EXPECT_THAT(refused("tenant,zone\n\"a\"b,UTC\n"), HasSubstr("tenants.csv:2: a quote that does not close, or text after one"));
  EXPECT_THAT(refused("tenant,zone\n ,UTC\n"), HasSubstr("tenants.csv:2: tenant: is blank"));
  EXPECT_THAT(refused("tenant,zone\na,\n"), HasSubstr("tenants.csv:2: zone: is empty"));
  EXPECT_THAT(refused("tenant,zone\na,Europe/Pariss\n"), HasSubstr("tenants.csv:2: zone: "));
  EXPECT_THAT(refused("tenant,zone,week_start\na,UTC,moonday\n"), HasSubstr("tenants.csv:2: week_start: no day \"moonday\"; did you mean \"monday\"?"));
  EXPECT_THAT(refused("tenant,zone\na,UTC\nb,UTC\na,UTC\n"), HasSubstr("tenants.csv:4: name: tenant \"a\": two calendars are called \"UTC\""));
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
  std::string bytes = std::string("\x01\x09shop.yaml") + char(text.size()) + text + std::string(1, '\0');
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
  for (size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(Plan::deserialise(std::string_view(bytes).substr(0, n)).ok()) << n;
  EXPECT_FALSE(Plan::deserialise(bytes + "x").ok());
  EXPECT_FALSE(Plan::deserialise("\x02" + bytes.substr(1)).ok());
}

TEST(StoredPlan, NeedsNoZoneFiles) {
  // A zone that a later tzdata no longer has must not keep a store from opening.
  const std::string text = plan_text("calendars: {default: [{zone: Gone/Zone}]}\ncount: [{metrics: \"*\", by: [[]]}]");
  EXPECT_NE(refusal(text), "accepted");
  const std::string bytes = std::string("\x01\x01p") + char(text.size()) + text + std::string(1, '\0');
  auto plan = Plan::deserialise(bytes);
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(plan->calendars.fallback[0].zone, "Gone/Zone");
}

TEST(PlanZones, AreLookedForInTheGivenFolder) {
  Folder empty;
  auto plan = Plan::parse(plan_text("calendars: {default: [{zone: Europe/Berlin}]}\ncount: [{metrics: \"*\", by: [[]]}]"), "shop.yaml", ".", empty.path());
  ASSERT_FALSE(plan.ok());
  EXPECT_THAT(plan.error().message, HasSubstr("shop.yaml:3: calendars.default.zone: "));
}

}  // namespace
}  // namespace quipu
