// What is wrong in a plan is said with its place and what would be right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <regex>

#include "plan/plan.h"

namespace quipu {
namespace {

using ::testing::HasSubstr;

// A plan around the parts that a test is about.
std::string plan_text(const std::string& properties_and_count,
                      const std::string& event = "{tenant: /t, metric: /m, time: /at}") {
  return "quipu: 1\nevent: " + event + "\n" + properties_and_count;
}

// Lines are what these tests look at; columns have a test of their own.
std::string without_column(const std::string& message) {
  return std::regex_replace(message, std::regex("^(shop.yaml:[0-9]+):[0-9]+"), "$1");
}

std::string refusal(const std::string& text) {
  auto plan = Plan::parse(text, "shop.yaml", ".");
  return plan.ok() ? "accepted" : without_column(plan.error().message);
}

struct Refused {
  const char* what;  // the name of the case
  const char* plan;  // behind "quipu: 1\nevent: {tenant: /t, metric: /m, time: /at, values: {x: /x,
                     // y: /y}}\n"
  const char* message;  // must be in it
};
void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.what; }

// The line is 3 for a plan in one line.
const Refused kRefused[] = {
    {"unknown_key", "propertys: {a: /a}\ncount: [{metrics: \"*\", by: [[]]}]",
     "shop.yaml:3: \"propertys\": unknown key; did you mean \"properties\"?"},
    {"unknown_rule_key", "count: [{metrics: \"*\", bye: [[]]}]",
     "shop.yaml:3: count.\"bye\": unknown key; did you mean \"by\"?"},
    {"repeated_key", "properties: {a: /a,\n  b: /b,\n  a: /c}",
     "shop.yaml:5: \"a\": given twice (first in line 3)"},
    {"count_missing", "properties: {a: /a}", "shop.yaml:1: count is missing"},
    {"count_empty", "count: []", "shop.yaml:3: count: is an empty list; write a list of rules"},
    {"count_null", "count:", "shop.yaml:3: count: is empty; write a list of rules"},
    {"count_map", "count: {metrics: \"*\"}", "shop.yaml:3: count: is a map; write a list"},
    {"rule_text", "count: [a]", "shop.yaml:3: count: is a text (\"a\"); write a map"},
    {"metrics_missing", "count: [{by: [[]]}]",
     "shop.yaml:3: count: metrics is missing; write a list"},
    {"metrics_text", "count: [{metrics: Opened, by: [[]]}]",
     "count.metrics: is a text (\"Opened\"); write a list of metrics"},
    {"metrics_empty", "count: [{metrics: [], by: [[]]}]", "count.metrics: is an empty list"},
    {"metrics_star_in_list", "count: [{metrics: [\"*\"], by: [[]]}]",
     "for all metrics write metrics: \"*\""},
    {"metrics_star_unquoted", "count: [{metrics: *, by: [[]]}]",
     "shop.yaml:3: not YAML: alias not found after *; a star stands in quotes: \"*\""},
    {"metrics_null", "count: [{metrics: [~], by: [[]]}]", "count.metrics: is empty; write a text"},
    {"metrics_blank", "count: [{metrics: [\" \"], by: [[]]}]",
     "count.metrics: is blank; write a name"},
    {"by_missing", "count: [{metrics: \"*\"}]", "count: counts by nothing; add by:"},
    {"by_empty", "count: [{metrics: \"*\", by: []}]", "count.by: is an empty list; write a list"},
    {"by_text", "properties: {a: /a}\ncount: [{metrics: \"*\", by: a}]",
     "shop.yaml:4: count.by: is a text (\"a\"); write a list"},
    {"by_map", "properties: {a: /a}\ncount: [{metrics: \"*\", by: [{a: 1}]}]",
     "count.by: is a map"},
    {"by_unknown", "properties: {campaign: /a}\ncount: [{metrics: \"*\", by: [campain]}]",
     "no property \"campain\"; did you mean \"campaign\"?"},
    {"by_unknown_inner", "properties: {campaign: /a}\ncount: [{metrics: \"*\", by: [[Campaign]]}]",
     "no property \"Campaign\"; did you mean \"campaign\"?"},
    {"by_twice", "properties: {a: /a}\ncount: [{metrics: \"*\", by: [[a, a]]}]",
     "property \"a\" is named twice here"},
    {"by_same_definition", "properties: {a: /a, b: /a}\ncount: [{metrics: \"*\", by: [[a, b]]}]",
     "property \"b\" is the same as \"a\""},
    {"by_nine",
     "properties: {a: /a, b: /b, c: /c, d: /d, e: /e, f: /f, g: /g, h: /h, i: /i}\ncount: "
     "[{metrics: \"*\", by: [[a, b, c, d, e, f, g, h, i]]}]",
     "9 properties in one list; at most 8"},
    {"by_and_combinations",
     "properties: {a: /a}\ncount: [{metrics: \"*\", by: [a], combinations: {of: [a], up_to: 1}}]",
     "both `by` and `combinations`; make it two rules"},
    {"combinations_up_to_zero",
     "properties: {a: /a}\ncount: [{metrics: \"*\", combinations: {of: [a], up_to: 0}}]",
     "count.combinations.up_to: is a text (\"0\"); write a number from 1 to 8"},
    {"combinations_up_to_nine",
     "properties: {a: /a}\ncount: [{metrics: \"*\", combinations: {of: [a], up_to: 9}}]",
     "write a number from 1 to 8"},
    {"combinations_of_missing", "count: [{metrics: \"*\", combinations: {up_to: 2}}]",
     "needs both of and up_to"},
    {"combinations_of_empty", "count: [{metrics: \"*\", combinations: {of: [], up_to: 2}}]",
     "count.combinations.of: is an empty list"},
    {"sum_unknown", "count: [{metrics: \"*\", by: [[]], sum: [z]}]",
     "count.sum: no value \"z\"; did you mean \"x\"? (values are named under event.values)"},
    {"sum_empty", "count: [{metrics: \"*\", by: [[]], sum: []}]", "count.sum: is an empty list"},
    {"unique_word", "count: [{metrics: \"*\", by: [[]], unique: nope}]",
     "count.unique: is a text (\"nope\"); write yes or no"},
    {"together_empty", "count: [{metrics: \"*\", by: [[]], together: \"\"}]",
     "count.together: is an empty text; write a name"},
    {"together_other_metrics",
     "count:\n  - {metrics: [a], together: G, by: [[]]}\n  - {metrics: [a, b], together: G, by: "
     "[[]]}",
     "shop.yaml:5: count.together: \"G\" has other metrics than in line 4"},
    {"together_named_as_metric",
     "count:\n  - {metrics: [a], together: G, by: [[]]}\n  - {metrics: [G], by: [[]]}",
     "shop.yaml:5: count.metrics: the metric \"G\" has the name of the group in line 4"},
    {"when_empty", "count: [{metrics: \"*\", by: [[]], when: {}}]",
     "count.when: is a map; write properties with lists"},
    {"when_text", "properties: {a: /a}\ncount: [{metrics: \"*\", by: [[]], when: {a: paid}}]",
     "count.when.a: is a text (\"paid\"); write properties with lists of values"},
    {"when_no_values", "properties: {a: /a}\ncount: [{metrics: \"*\", by: [[]], when: {a: []}}]",
     "count.when.a: is an empty list"},
    {"when_unknown", "properties: {a: /a}\ncount: [{metrics: \"*\", by: [[]], when: {b: [x]}}]",
     "count.when.b: no property \"b\"; did you mean \"a\"?"},
    {"when_null", "properties: {a: /a}\ncount: [{metrics: \"*\", by: [[]], when: {a: [null]}}]",
     "write a text (the words null and ~ in quotes, the empty text as \"\")"},
    {"when_present",
     "properties: {a: {present: /a}}\ncount: [{metrics: \"*\", by: [[]], when: {a: [yes]}}]",
     "\"yes\" is never met"},
    {"when_same_definition",
     "properties: {a: /a, b: /a}\ncount: [{metrics: \"*\", by: [[]], when: {a: [x], b: [y]}}]",
     "put the values in one list"},
    {"properties_empty", "properties: {}\ncount: [{metrics: \"*\", by: [[]]}]",
     "shop.yaml:3: properties: is a map; write a map of names and paths"},
    {"properties_list", "properties: [/a]\ncount: [{metrics: \"*\", by: [[]]}]",
     "properties: is a list; write a map of names and paths"},
    {"property_no_slash", "properties: {a: b/c}",
     "shop.yaml:3: properties.a: the path \"b/c\" does not begin with /; write \"/b/c\""},
    {"property_bad_tilde", "properties: {a: /x~2}", "has a ~ by itself"},
    {"property_last_tilde", "properties: {a: /x~}", "has a ~ by itself"},
    {"property_two_stars", "properties: {a: \"/x/*/y/*\"}", "more than one *"},
    {"property_present_star", "properties: {a: {present: \"/x/*\"}}",
     "has a *, which only `properties` may have"},
    {"property_present_and_missing", "properties: {a: {present: /x, missing: skip}}",
     "properties.a.\"missing\": unknown key"},
    {"property_missing_word", "properties: {a: {at: /x, missing: skipp}}",
     "write empty or skip; did you mean \"skip\"?"},
    {"line_of_the_key", "properties:\n  a:\n    missing: skip",
     "shop.yaml:4: properties.a: has no path"},
    {"property_no_path", "properties: {a: {missing: skip}}", "properties.a: has no path"},
    {"property_list", "properties: {a: [/x]}", "properties.a: is a list; write a path"},
    {"property_null", "properties: {a: }", "properties.a: is empty; write a path"},
    {"property_unnamed", "properties: {\"\": /a}", "a property without name"},
    {"property_null_name", "properties: {~: /a}", "shop.yaml:3: a key that is missing or no text"},
    {"calendars_no_default", "calendars: {tenants: {a: [{zone: UTC}]}}",
     "calendars: default is missing"},
    {"calendars_empty", "calendars: {default: []}", "calendars.default: is an empty list"},
    {"calendar_no_zone", "calendars: {default: [{name: x}]}",
     "calendars.default: a calendar without zone"},
    {"calendar_bad_zone", "calendars: {default: [{zone: Europe/Berlim}]}",
     "shop.yaml:3: calendars.default.zone: "},
    {"calendar_bad_zone_near", "calendars: {default: [{zone: Europe/Berlim}]}", "Europe/Berlin"},
    {"calendar_zone_path", "calendars: {default: [{zone: ../../etc/passwd}]}",
     "calendars.default.zone: "},
    {"calendar_week_start", "calendars: {default: [{zone: UTC, week_start: Sunday}]}",
     "did you mean \"sunday\"?"},
    {"calendar_same_name", "calendars: {default: [{zone: UTC}, {zone: UTC, week_start: sunday}]}",
     "two calendars are called \"UTC\""},
    {"calendars_nine",
     "calendars: {default: [{zone: UTC, name: a}, {zone: UTC, name: b}, {zone: UTC, name: c}, "
     "{zone: UTC, name: d}, {zone: UTC, name: e}, {zone: UTC, name: f}, {zone: UTC, name: g}, "
     "{zone: UTC, name: h}, {zone: UTC, name: i}]}",
     "more than 8 calendars"},
    {"tenants_text", "calendars: {default: [{zone: UTC}], tenants: a.csv}",
     "calendars.tenants: is a text"},
    {"tenants_twice",
     "calendars: {default: [{zone: UTC}], tenants: {1: [{zone: UTC}], 1.0: [{zone: UTC}]}}",
     "tenant \"1\" has calendars already"},
    {"tenants_unknown_word", "calendars: {default: [{zone: UTC}], tenants: {unknown: aside}}",
     "write default or set_aside"},
    {"tenants_no_file", "calendars: {default: [{zone: UTC}], tenants: {file: no_such.csv}}",
     "shop.yaml:3: calendars.tenants.file: there is no file ./no_such.csv"},
    {"tenants_folder", "calendars: {default: [{zone: UTC}], tenants: {file: .}}",
     "there is no file"},
    {"input_json_delimiter", "input: {delimiter: \",\"}",
     "input.delimiter: goes with `format: delimited` only"},
    {"input_format", "input: {format: csv}",
     "input.format: is a text (\"csv\"); write `format: delimited"},
    {"input_delimiter", "input: {format: delimited, delimiter: \"::\"}",
     "write one ASCII character"},
    {"input_delimiter_wide", "input: {format: delimited, delimiter: \"é\"}",
     "write one ASCII character"},
    {"input_delimiter_newline", "input: {format: delimited, delimiter: \"\\n\"}",
     "write one ASCII character"},
    {"input_delimiter_quote", "input: {format: delimited, delimiter: '\"'}",
     "is the quote as well"},
    {"input_quote", "input: {format: delimited, quote: \"'\"}", "input.quote: is a text"},
    {"input_header_and_columns", "input: {format: delimited, header: yes, columns: [a]}",
     "drop `columns`, or write `header: no`"},
    {"input_columns_twice", "input: {format: delimited, columns: [a, a]}",
     "column \"a\" is named twice"},
    {"anchor", "properties: &a {x: /x}", "shop.yaml:3: an anchor (&) or alias (*)"},
    {"alias", "properties: {x: &a /x, y: *a}", "an anchor (&) or alias (*)"},
    {"tag", "properties: {x: !!str /x}", "a tag (!), which plans do not use"},
    {"list_as_key", "properties: {[a]: /x}", "a key that is missing or no text"},
    {"two_documents", "count: [{metrics: \"*\", by: [[]]}]\n---\na: 1",
     "shop.yaml:5: a second YAML document"},
    {"unclosed", "count: [{metrics: \"*\", by: [[]]}", "close all brackets"},
    {"too_deep", "count: [[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]",
     "nested deeper than 16 levels"},
    {"bad_utf8", "properties: {a: \"/\xff\"}", "shop.yaml:3: not UTF-8"},
    {"surrogate", "properties: {a: \"/\\ud800\"}", "not YAML"},
};

class PlanRefusals : public ::testing::TestWithParam<Refused> {};

TEST_P(PlanRefusals, NameThePlaceAndWhatWouldBeRight) {
  EXPECT_THAT(refusal(plan_text(GetParam().plan,
                                "{tenant: /t, metric: /m, time: /at, values: {x: /x, y: /y}}")),
              HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(Plan, PlanRefusals, ::testing::ValuesIn(kRefused),
                         [](const auto& param_info) { return std::string(param_info.param.what); });

const Refused kRefusedEvents[] = {
    {"tenant_missing", "{metric: /m, time: /t}",
     "shop.yaml:2: event: tenant is missing; write where it is in a line (tenant: /path)"},
    {"metric_missing", "{tenant: /m, time: /t}", "event: metric is missing"},
    {"time_missing", "{tenant: /m, metric: /t}", "event: time is missing"},
    {"unknown", "{tennant: /t, metric: /m, time: /at}",
     "shop.yaml:2: event.\"tennant\": unknown key; did you mean \"tenant\"?"},
    {"text", "/t", "event: is a text (\"/t\"); write a map"},
    {"star", "{tenant: \"/*\", metric: /m, time: /at}",
     "event.tenant: the path \"/*\" has a *, which only `properties` may have"},
    {"list", "{tenant: [/a], metric: /m, time: /at}", "event.tenant: is a list; write a path"},
    {"first_text", "{tenant: {first: /a}, metric: /m, time: /at}",
     "event.tenant.first: is a text (\"/a\"); write a list of paths"},
    {"first_empty", "{tenant: {first: []}, metric: /m, time: /at}",
     "event.tenant.first: is an empty list"},
    {"first_and_const", "{tenant: {first: [/a], const: b}, metric: /m, time: /at}",
     "needs either first or const"},
    {"nothing", "{tenant: {trim: yes}, metric: /m, time: /at}", "needs either first or const"},
    {"const_blank", "{tenant: {const: \" \"}, metric: /m, time: /at}",
     "event.tenant.const: is blank"},
    {"const_trim", "{tenant: {const: a, trim: yes}, metric: /m, time: /at}",
     "event.tenant.trim: goes with `first` only"},
    {"tenant_all", "{tenant: {all: [/a]}, metric: /m, time: /at}",
     "event.tenant.\"all\": unknown key"},
    {"tenant_required", "{tenant: {first: [/a], required: yes}, metric: /m, time: /at}",
     "unknown key"},
    {"id_else", "{tenant: /t, metric: /m, time: /at, id: {first: [/i], else: time}}",
     "event.id.else: is a text (\"time\"); write time_to_second"},
    {"id_all_else", "{tenant: /t, metric: /m, time: /at, id: {all: [/i], else: time_to_second}}",
     "event.id.else: goes with `first` only"},
    {"id_nothing", "{tenant: /t, metric: /m, time: /at, id: {else: time_to_second}}",
     "needs one of first, all and const"},
    {"time_list", "{tenant: /t, metric: /m, time: [/at]}", "event.time: is a list"},
    {"time_no_path", "{tenant: /t, metric: /m, time: {unit: unix_s}}",
     "event.time: needs one of at, first and join"},
    {"time_unit", "{tenant: /t, metric: /m, time: {at: /at, unit: ms}}",
     "event.time.unit: is a text (\"ms\"); write unix_s, unix_ms, unix_us or unix_ns; did you mean "
     "\"unix_ms\"?"},
    {"time_unit_and_format",
     "{tenant: /t, metric: /m, time: {at: /at, unit: unix_s, format: \"%s\"}}",
     "event.time.format: goes not with `unit`"},
    {"time_format", "{tenant: /t, metric: /m, time: {at: /at, format: \"%Q\"}}",
     "shop.yaml:2: event.time.format: "},
    {"time_zone", "{tenant: /t, metric: /m, time: {at: /at, no_offset: CEST}}",
     "shop.yaml:2: event.time.no_offset: "},
    {"values_five",
     "{tenant: /t, metric: /m, time: /at, values: {a: /a, b: /b, c: /c, d: /d, e: /e}}",
     "event.values.e: more than 4 values"},
    {"values_empty", "{tenant: /t, metric: /m, time: /at, values: {}}",
     "event.values: is a map; write a map of names and paths"},
    {"value_const_text", "{tenant: /t, metric: /m, time: /at, values: {a: {const: one}}}",
     "event.values.a.const: is a text (\"one\"); write a number"},
    {"value_const_large", "{tenant: /t, metric: /m, time: /at, values: {a: {const: 1e21}}}",
     "write a number of at most 10^20"},
};

class EventRefusals : public ::testing::TestWithParam<Refused> {};

TEST_P(EventRefusals, NameThePlaceAndWhatWouldBeRight) {
  EXPECT_THAT(refusal(plan_text("count: [{metrics: \"*\", by: [[]]}]", GetParam().plan)),
              HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(Plan, EventRefusals, ::testing::ValuesIn(kRefusedEvents),
                         [](const auto& param_info) { return std::string(param_info.param.what); });

TEST(PlanRoot, OtherVersionsAndOtherFilesAreRefused) {
  EXPECT_THAT(refusal(""), HasSubstr("shop.yaml:1: is empty; a plan is a map"));
  EXPECT_THAT(
      refusal("quipu: 2\nnew_key: 1"),
      HasSubstr("shop.yaml:1: quipu: is a text (\"2\"); this program reads plans of version 1"));
  EXPECT_THAT(refusal("event: {}"), HasSubstr("quipu is missing; begin the plan with `quipu: 1`"));
  EXPECT_THAT(refusal("- a"), HasSubstr("is a list; a plan is a map"));
  EXPECT_THAT(refusal("quipu: 1\ncount: []"), HasSubstr("shop.yaml:1: event is missing"));
  EXPECT_THAT(refusal("{\"json\": true}"), HasSubstr("quipu is missing"));
  EXPECT_THAT(refusal(std::string("quipu: 1\n\0", 10)), HasSubstr("shop.yaml:2: a NUL character"));
  EXPECT_THAT(refusal("quipu: 1\n" + std::string(1 << 20, '#')),
              HasSubstr("a plan has at most 1048576"));
}

// The message of a plan as the parser has it, with the column.
std::string whole_refusal(const std::string& text) {
  auto plan = Plan::parse(text, "shop.yaml", ".");
  return plan.ok() ? "accepted" : plan.error().message;
}

TEST(PlanRoot, ThePlaceHasAColumn) {
  EXPECT_THAT(whole_refusal(plan_text("count: [{metrics: \"*\", by: [[], color]}]")),
              HasSubstr("shop.yaml:3:33: count.by: "));
  EXPECT_THAT(whole_refusal(plan_text("count: [{metrics: \"*\",\n  by: [[]],\n  summ: [x]}]")),
              HasSubstr("shop.yaml:5:3: count.\"summ\": unknown key"));
  EXPECT_THAT(whole_refusal(plan_text("count: [\n  &a {}]")),
              HasSubstr("shop.yaml:4:3: an anchor"));
}

TEST(PlanRoot, FormatsMayBeCalledAsOtherProgramsCallThem) {
  for (const auto& [format, advice] : {std::pair("csv", "delimiter: \",\""),
                                       {"tsv", "delimiter: \"\\t\""},
                                       {"jsonl", "`format: json`"},
                                       {"nginx", "`format: combined_log`"}}) {
    const std::string message = refusal(plan_text(
        "count: [{metrics: \"*\", by: [[]]}]\ninput: {format: " + std::string(format) + "}"));
    EXPECT_THAT(message, HasSubstr(advice));
    EXPECT_EQ(message.find("did you mean"), std::string::npos) << message;
  }
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
    return refusal(
        "input: " + input + "\n" +
        plan_text("properties: {p: \"" + path + "\"}\ncount: [{metrics: \"*\", by: [[]]}]",
                  "{tenant: /0, metric: /1, time: /0}"));
  };
  EXPECT_EQ(message("{format: delimited}", "/any name"), "accepted");
  EXPECT_EQ(message("{format: delimited, header: no}", "/17"), "accepted");
  EXPECT_EQ(message("{format: delimited, columns: [url, ref]}", "/url"), "accepted");
  EXPECT_EQ(message("{format: delimited, columns: [url, ref]}", "/1"), "accepted");
  EXPECT_THAT(message("{format: delimited}", "/a/b"),
              HasSubstr("delimited fields are texts: write /column or /0"));
  EXPECT_THAT(message("{format: delimited}", "/*"), HasSubstr("delimited fields are texts"));
  EXPECT_THAT(message("{format: delimited, header: no}", "/url"),
              HasSubstr("write its place (/0 is the first)"));
  EXPECT_THAT(message("{format: delimited, header: no}", "/01"), HasSubstr("write its place"));
  EXPECT_THAT(message("{format: delimited, columns: [url, ref]}", "/2"),
              HasSubstr("no column \"2\""));
  EXPECT_THAT(message("{format: delimited, columns: [url, ref]}", "/ulr"),
              HasSubstr("did you mean \"url\"?"));
}

TEST(PlanNames, ThatTheFieldsTransformChangesAreRefused) {
  const std::string event =
      "{tenant: {first: [/t], lowercase: yes}, metric: {first: [/m], trim: yes, lowercase: yes}, "
      "time: /at}";
  EXPECT_THAT(refusal(plan_text("count: [{metrics: [Opened Email], by: [[]]}]", event)),
              HasSubstr("\"Opened Email\" is never met, since event.metric is trimmed or put in "
                        "lower case; write \"opened email\""));
  EXPECT_EQ(refusal(plan_text("count: [{metrics: [opened email, 1e2, 95.0], by: [[]]}]", event)),
            "accepted");
  EXPECT_THAT(refusal(plan_text("calendars: {default: [{zone: UTC}], tenants: {Acme: [{zone: "
                                "UTC}]}}\ncount: [{metrics: \"*\", by: [[]]}]",
                                event)),
              HasSubstr("calendars.tenants.Acme: \"Acme\" is never met"));
}

std::string properties(int count) {
  std::string out = "properties: {";
  for (int i = 0; i < count; ++i)
    out += (i ? ", p" : "p") + std::to_string(i) + ": /p" + std::to_string(i);
  return out + "}\n";
}

TEST(PlanLimits, SixtyFourColumnsWithWhens) {
  auto text = [](int columns, int whens) {
    std::string out = plan_text(properties(columns) + "count:\n");
    for (int i = 0; i < std::max(whens, 1); ++i)
      out += "  - {metrics: \"*\", by: [p0]" +
             (whens ? ", when: {p1: [" + std::to_string(i) + "]}" : std::string()) + "}\n";
    return out;
  };
  EXPECT_EQ(refusal(text(64, 0)), "accepted");
  EXPECT_EQ(refusal(text(60, 4)), "accepted");
  EXPECT_THAT(refusal(text(65, 0)), HasSubstr("more than 64 different properties"));
  EXPECT_THAT(refusal(text(60, 5)),
              HasSubstr("60 properties and 5 different `when`s are more than 64"));
}

TEST(PlanLimits, AThousandAndTwentyFourDimensionsAMetricWithItsGroups) {
  // C(45,1) + C(45,2) = 1,035; C(44,1) + C(44,2) = 990 (16 blocks of 64).
  EXPECT_THAT(refusal(plan_text(properties(45) + "count: [{metrics: \"*\", combinations: {of: " +
                                [] {
                                  std::string of = "[";
                                  for (int i = 0; i < 45; ++i)
                                    of += (i ? ", p" : "p") + std::to_string(i);
                                  return of + "]";
                                }() +
                                ", up_to: 2}}]")),
              HasSubstr("gives more than 1024 combinations"));
  auto text = [](int list, const std::string& more) {
    std::string of;
    for (int i = 0; i < list; ++i) of += (i ? ", p" : "p") + std::to_string(i);
    return plan_text(properties(64) + "count:\n  - {metrics: \"*\", combinations: {of: [" + of +
                     "], up_to: 2}}\n" + more);
  };
  EXPECT_EQ(refusal(text(44, "")), "accepted");  // 990: 16 blocks
  EXPECT_EQ(refusal(text(43, "  - {metrics: \"*\", together: G, by: [[]]}")),
            "accepted");  // 946: 15 blocks, and 1
  EXPECT_THAT(refusal(text(44, "  - {metrics: \"*\", together: G, by: [[]]}")),
              HasSubstr("all metrics would count in more than 1024"));
  EXPECT_THAT(refusal(text(44, "  - {metrics: [m], together: G, by: [[]]}")),
              HasSubstr("shop.yaml:6: count: the metric \"m\" would count in more than 1024"));
  EXPECT_EQ(refusal(text(44, "  - {metrics: [m], combinations: {of: [p0, p1, p63], up_to: 1}}")),
            "accepted");  // 991
  std::string own = "  - {metrics: [m], by: [";
  for (int i = 0; i < 34; ++i) own += "[p60, p" + std::to_string(i) + "], ";
  EXPECT_THAT(refusal(text(44, own + "p63]}")),
              HasSubstr("the metric \"m\" would count in more than 1024"));  // 990 + 35
  EXPECT_EQ(refusal(text(44, own + "p0]}")), "accepted");  // 990 + 34: p0 is there already
}

TEST(PlanLimits, SixteenGroupsAMetric) {
  std::string text = plan_text("count:\n");
  for (int i = 0; i < 16; ++i)
    text += "  - {metrics: [m], together: g" + std::to_string(i) + ", by: [[]]}\n";
  EXPECT_EQ(refusal(text), "accepted");
  EXPECT_THAT(refusal(text + "  - {metrics: [m], by: [[]]}\n"),
              HasSubstr("each rounded up to a multiple of 64"));
}

}  // namespace
}  // namespace quipu
