#include "delimited_stream.h"

#include <algorithm>

#include "stream_parts.h"

namespace oracle {
namespace {

struct Row {
  std::string what, who, id, day, clock, v, p, q;
};

class Generator {
 public:
  explicit Generator(uint64_t seed) : rng_(seed) {
    kind_ = Kind(rng_.below(4) == 0 ? rng_.between(1, 2) : 0);
    delimiter_ = rng_.of(std::vector<std::string>{",", ",", ";", "\t", "|", "whitespace"});
    quote_ = rng_.chance(0.8);
    header_ = rng_.chance(0.7);
    join_ = rng_.chance(0.4);
    stray_ = rng_.chance(0.4);
    ragged_ = rng_.chance(0.5);
    missing_ =
        header_ && rng_.chance(0.3);  // and then no ids: what has one says the same everywhere
    ids_ = !stray_ && !ragged_ && !missing_ && kind_ == kDelimited;
    columns_ = {"what", "who", "v", "p", "q", "more"};
    if (join_)
      columns_.insert(columns_.end(), {"day", "clock"});
    else
      columns_.push_back("at");
    if (ids_) columns_.push_back("id");
    rng_.shuffle(&columns_);
  }

  FileStream run() {
    FileStream out;
    out.plan = plan();
    for (int64_t n = rng_.between(1, 4); n > 0; --n) out.files.push_back(file());
    out.describe = std::string(kind_ == kJson  ? "json"
                               : kind_ == kLog ? "log"
                                               : "delimited by " + delimiter_) +
                   (quote_ ? "" : ", no quotes") + (header_ ? ", header" : "") +
                   (stray_ ? ", stray quotes" : "") + (ragged_ ? ", unfinished" : "");
    return out;
  }

 private:
  enum Kind { kDelimited, kLog, kJson };

  std::string plan() {
    std::string text = "quipu: 1\n";
    if (kind_ == kLog) {
      return text +
             "input: {format: combined_log}\n"
             "event: {tenant: {const: t}, metric: /method, profile: /host, time: /time, values: "
             "{v: "
             "/bytes}}\nproperties: {p: /path, q: /agent, s: /status}\n"
             "count: [{metrics: \"*\", by: [[], p, q, [p, s]], sum: [v]}]\n";
    }
    if (kind_ == kDelimited) {
      text += "input: {format: delimited, delimiter: \"" +
              (delimiter_ == "\t" ? "\\t" : delimiter_) + "\"";
      if (!quote_) text += ", quote: none";
      if (!header_) {
        text += ", columns: [";
        for (size_t i = 0; i < columns_.size(); ++i) text += (i ? ", " : "") + columns_[i];
        text += "]";
      }
      if (missing_) text += ", missing_columns: empty";
      text += "}\n";
    }
    text += "event: {tenant: {const: t}, metric: /what, profile: /who, time: ";
    text += join_ && kind_ == kDelimited ? "{join: [/day, /clock]}" : "/at";
    if (ids_) text += ", id: /id";
    return text +
           ", values: {v: /v}}\nproperties: {p: /p, q: {at: /q, missing: skip}}\n"
           "count: [{metrics: \"*\", by: [[], p, q, [p, q]], sum: [v]}]\n";
  }

  Row draw_row() {
    if (ids_ && !rows_.empty() && rng_.chance(0.1)) return rng_.of(rows_);
    static const std::vector<std::string> kTexts = {
        "x",      "y",        "",   "a b",        "95",       "it's",     "\"",   "say \"hi\"",
        "li\nne", "cr\r\nlf", "\n", "de,l;i\tm|", "a\"b\"\n", "last\n\"", "\"\"", " in "};
    Row row;
    row.what = rng_.of(std::vector<std::string>{"A", "B"});
    row.who = "u" + std::to_string(rng_.below(20));
    row.id = "i" + std::to_string(10000 + number_++);
    row.day = "2026-03-" + std::to_string(10 + rng_.below(20));
    row.clock = std::to_string(10 + rng_.below(14)) + ":" + std::to_string(10 + rng_.below(50)) +
                (rng_.chance(0.5) ? "Z" : "+02:00");
    row.v = std::to_string(rng_.below(1000));
    row.p = rng_.of(kTexts);
    row.q = rng_.of(kTexts);
    // What has an id says the same in every file, whatever ends the file's lines.
    for (std::string* text : {&row.p, &row.q})
      if (ids_ && text->find('\r') != std::string::npos) *text = "x";
    rows_.push_back(row);
    return row;
  }

  static std::string of(const Row& row, const std::string& column) {
    return column == "what"    ? row.what
           : column == "who"   ? row.who
           : column == "id"    ? row.id
           : column == "day"   ? row.day
           : column == "clock" ? row.clock
           : column == "at"    ? row.day + "T" + row.clock
           : column == "v"     ? row.v
           : column == "p"     ? row.p
           : column == "q"     ? row.q
                               : "m";
  }

  std::string field(std::string text) {
    const bool runs = delimiter_ == "whitespace";
    const std::string special = "\r\n" + (runs ? std::string(" \t") : delimiter_);
    if (!quote_) {
      for (char& c : text)
        if (special.find(c) != std::string::npos) c = '_';
      return runs && text.empty() ? "_" : text;
    }
    if (stray_ && rng_.chance(0.02)) return "\"" + text;
    const bool must = text.find_first_of(special) != std::string::npos || text[0] == '"' ||
                      (runs && text.empty());
    if (!must && rng_.chance(0.8)) return text;
    std::string out = "\"";
    for (char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
    return out + "\"" + (!ids_ && rng_.chance(0.02) ? "tail" : "");
  }

  std::string delimited(const Row& row, const std::vector<std::string>& columns) {
    const bool runs = delimiter_ == "whitespace";
    std::string out = runs && rng_.chance(0.1) ? " " : "";
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) out += !runs ? delimiter_ : rng_.chance(0.2) ? " \t " : " ";
      out += field(of(row, columns[i]));
    }
    if (rng_.chance(0.02)) out += (runs ? " " : delimiter_) + "one more";
    return out;
  }

  std::string log(const Row& row) {
    static const std::vector<std::string> kAgents = {"Mozilla/5.0 (X; Y)", "a \\\"b\\\"", "-", ""};
    std::string out =
        row.who + " - - [" + row.day.substr(8) + "/Mar/2026:" + row.clock.substr(0, 5) + ":00 " +
        (row.clock.back() == 'Z' ? "+0000" : "-0730") + "] \"" +
        (rng_.chance(0.1) ? "-" : row.what + " /" + row.v + "?p=" + row.who + " HTTP/1.1") +
        (stray_ && rng_.chance(0.05) ? "" : "\"") + " 200 " + (rng_.chance(0.1) ? "-" : row.v);
    if (rng_.chance(0.6)) out += " \"https://a.example/\" \"" + rng_.of(kAgents) + "\"";
    if (rng_.chance(0.2)) out += " 0.05 extra";
    return out;
  }

  std::string json(const Row& row) {
    if (rng_.chance(0.05)) return rng_.of(std::vector<std::string>{"junk", "[1]", "  ", "\"x\""});
    std::string out = "{";
    for (const std::string& c : {"what", "who", "at", "v", "p", "q"})
      out += (out.size() > 1 ? ", " : "") + json_string(c) + ":" + json_string(of(row, c));
    return out + "}";
  }

  std::string file() {
    const std::string end = rng_.of(std::vector<std::string>{"\n", "\n", "\r\n", "\r"});
    std::string out = rng_.chance(0.3) ? "\xEF\xBB\xBF" : "";
    if (rng_.chance(0.2)) out += end + (rng_.chance(0.5) ? " " + end : "");
    std::vector<std::string> columns = columns_;
    if (kind_ == kDelimited && header_) {
      rng_.shuffle(&columns);
      if (!ids_ && rng_.chance(0.3)) columns.erase(std::find(columns.begin(), columns.end(), "q"));
      if (missing_ && rng_.chance(0.3))
        columns.erase(std::find(columns.begin(), columns.end(), "p"));
      for (size_t i = 0; i < columns.size(); ++i) {
        const bool quoted = quote_ && rng_.chance(0.2);
        out += i == 0 ? "" : delimiter_ == "whitespace" ? " " : delimiter_;
        if (delimiter_ != "whitespace" && !quoted && rng_.chance(0.2)) out += " ";
        out += quoted ? "\"" + columns[i] + "\"" : columns[i];
      }
      out += end;
    }
    for (int64_t n = rng_.between(0, 60); n > 0; --n) {
      if (rng_.chance(0.05)) out += end;
      const Row row = draw_row();
      out += kind_ == kJson ? json(row) : kind_ == kLog ? log(row) : delimited(row, columns);
      out += end;
    }
    if (ragged_ && rng_.chance(0.7))
      out.resize(out.size() - size_t(rng_.below(std::min<int64_t>(60, int64_t(out.size()) + 1))));
    return out;
  }

  Rng rng_;
  Kind kind_;
  std::string delimiter_;
  bool quote_, header_, join_, stray_, ragged_, missing_, ids_;
  std::vector<std::string> columns_;
  std::vector<Row> rows_;
  int number_ = 0;
};

}  // namespace

FileStream make_file_stream(uint64_t seed) { return Generator(seed).run(); }

}  // namespace oracle
