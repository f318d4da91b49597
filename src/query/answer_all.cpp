// The front door of questions: of several tenants, and of two periods, from answers of one each.
#include <algorithm>
#include <map>
#include <set>

#include "query/answer_parts.h"
#include "query/order.h"

namespace quipu {
namespace {

// A group without counts, as wide as the answer.
Group empty_group(const Answer& a, std::vector<std::string> by, bool has_unique) {
  const size_t entries = a.lifetime ? 1 : a.buckets.size();
  return {std::move(by), std::vector<uint64_t>(entries),
          std::vector<uint64_t>(has_unique ? entries : 0),
          std::vector<std::vector<Fixed6>>(a.values.size(), std::vector<Fixed6>(entries))};
}

size_t bytes_of(const Answer& a) {
  return a.groups.size() * bytes_of_group(a.lifetime ? 1 : a.buckets.size(), a.values.size());
}

// Two periods: the groups of both, each with its figures of now and of before.
Result<Answer> answer_versus(StoreView& view, const Question& question, size_t max_bytes) {
  Question asked = question;
  asked.limit = 0;
  auto now = answer_one(view, asked, max_bytes);
  if (!now.ok()) return now.error();
  asked.previous = true;
  QUIPU_ASSIGN(auto before, answer_one(view, asked, max_bytes));
  if (bytes_of(*now) + bytes_of(before) > max_bytes) return too_large(0, true, max_bytes);

  Answer& out = *now;
  Answer::Previous previous;
  previous.range_text = before.range_text;
  previous.buckets = before.buckets;
  previous.partial = before.partial;
  previous.has_unique = before.has_unique;
  previous.has_sums = before.values == out.values;
  std::map<std::vector<std::string>, Group> old;
  for (Group& g : before.groups) {
    std::vector<std::string> by = g.by;
    old.emplace(std::move(by), std::move(g));
  }
  std::set<std::vector<std::string>> known;
  for (const Group& g : out.groups) known.insert(g.by);
  for (const auto& [by, group] : old) {
    if (!known.contains(by)) out.groups.push_back(empty_group(out, by, out.has_unique));
  }
  sort_groups(out, question.sort, question.limit);
  out.groups_in_all = out.groups.size();
  if (question.limit && out.groups.size() > question.limit) out.groups.resize(question.limit);
  for (const Group& g : out.groups) {
    auto found = old.find(g.by);
    previous.groups.push_back(found != old.end() ? std::move(found->second)
                                                 : empty_group(before, g.by, previous.has_unique));
  }
  for (std::string& note : before.notes) {
    if (std::find(out.notes.begin(), out.notes.end(), note) == out.notes.end())
      out.notes.push_back(std::move(note));
  }
  out.question = question;
  out.previous = std::move(previous);
  return now;
}

// Adds one tenant's partial marks and notes to those of all.
void add_marks(const Answer& one, Answer& all) {
  const auto unite = [](std::vector<size_t>& into, const std::vector<size_t>& more) {
    std::vector<size_t> both;
    std::set_union(into.begin(), into.end(), more.begin(), more.end(), std::back_inserter(both));
    into = std::move(both);
  };
  unite(all.partial, one.partial);
  for (const Answer::ShownFigure& figure : one.figures) {
    auto same = std::find_if(all.figures.begin(), all.figures.end(),
                             [&](const auto& f) { return f.name == figure.name; });
    if (same == all.figures.end()) {
      all.figures.push_back(figure);
    } else {
      unite(same->partial, figure.partial);
    }
  }
  for (const std::string& note : one.notes) {
    if (std::find(all.notes.begin(), all.notes.end(), note) == all.notes.end())
      all.notes.push_back(note);
  }
  all.counted_in_several_groups = all.counted_in_several_groups || one.counted_in_several_groups;
  all.has_unique = all.has_unique && one.has_unique;
}

Error not_alike(const Answer& one, const Answer& all, const std::string& first) {
  return Error{"tenants \"" + first + "\" and \"" + one.tenant + "\" have different " +
               (one.values != all.values ? "sums" : "calendars") +
               ", so that their buckets are not the same time: name a calendar that all have with "
               "--calendar, ask --in lifetime, or one --tenant at a time"};
}

void add_figures(const Group& from, Group& into) {
  for (size_t i = 0; i < from.count.size(); ++i) into.count[i] += from.count[i];
  for (size_t v = 0; v < from.sums.size(); ++v) {
    for (size_t i = 0; i < from.sums[v].size(); ++i) into.sums[v][i] += from.sums[v][i];
  }
}

// Puts the groups of tenants together: as they are, or those of one name added up.
class TenantGroups {
 public:
  TenantGroups(const Question& question, size_t max_bytes)
      : question_(question), max_bytes_(max_bytes) {}

  Status add(Answer one) {
    if (tenants_++ == 0) {
      all_ = one;
      all_.groups.clear();
      all_.groups_in_all = 0;
    } else if (one.buckets != all_.buckets || one.values != all_.values ||
               (!one.lifetime && one.calendar.week_start != all_.calendar.week_start)) {
      return not_alike(one, all_, all_.tenant);
    }
    add_marks(one, all_);
    const bool each = question_.tenants == TenantsAsked::each;
    const size_t before = all_.groups.size();
    for (Group& g : one.groups) {
      if (std::all_of(g.count.begin(), g.count.end(), [](uint64_t n) { return n == 0; })) continue;
      if (each) {
        g.tenant = one.tenant;
        all_.groups.push_back(std::move(g));
        continue;
      }
      auto [place, fresh] = places_.emplace(g.by, all_.groups.size());
      if (fresh) {
        g.unique.clear();
        all_.groups.push_back(std::move(g));
      } else {
        add_figures(g, all_.groups[place->second]);
      }
    }
    if (each) {
      all_.groups_in_all += question_.by.empty() ? all_.groups.size() - before : one.groups_in_all;
      if (question_.limit && all_.groups.size() > 2 * question_.limit) cut();
    }
    return bytes_of(all_) > max_bytes_ ? too_large(question_.limit, true, max_bytes_) : Status();
  }

  Answer finish() {
    all_.question = question_;
    if (question_.tenants == TenantsAsked::total) {
      if (all_.has_unique) {
        all_.notes.emplace_back(
            "unique is - over several tenants, whose people are told apart: ask with --tenants for "
            "that of each");
      }
      all_.has_unique = false;
      std::erase_if(all_.figures, [](const auto& f) { return f.name == "unique"; });
      if (all_.groups.empty() && question_.by.empty())
        all_.groups.push_back(empty_group(all_, {}, false));
      all_.groups_in_all = all_.groups.size();
    }
    cut();
    all_.groups_in_all = std::max(all_.groups_in_all, all_.groups.size());
    all_.tenant.clear();
    return std::move(all_);
  }

 private:
  void cut() {
    sort_groups(all_, question_.sort, question_.limit);
    if (question_.limit && all_.groups.size() > question_.limit)
      all_.groups.resize(question_.limit);
  }

  const Question& question_;
  const size_t max_bytes_;
  size_t tenants_ = 0;
  Answer all_;
  std::map<std::vector<std::string>, size_t> places_;
};

Result<Answer> answer_tenants(StoreView& view, const Question& question, size_t max_bytes) {
  const bool total = question.tenants == TenantsAsked::total;
  if (!question.in && !question.from && !question.last) {
    return Error{
        "of several tenants, say what time: --in 2026-03 (or lifetime), --last 7d, or --from"};
  }
  if (total && (question.sort == "unique" || question.sort == "-unique"))
    return Error{"people of several tenants are not added up, so nothing is sorted by unique"};
  if (view.tenants().empty()) return view.tenant({}).error();
  TenantGroups groups(question, max_bytes);
  for (const auto& [id, name] : view.tenants()) {
    Question asked = question;
    asked.tenant = name;
    if (total) asked.limit = 0;
    auto one = answer_one(view, asked, max_bytes);
    if (!one.ok()) return Error{"tenant \"" + name + "\": " + one.error().message};
    QUIPU_TRY(groups.add(std::move(*one)));
  }
  return groups.finish();
}

}  // namespace

Result<Answer> answer(StoreView& view, const Question& question, size_t max_bytes) {
  if (question.rest && (question.versus || question.tenants != TenantsAsked::one))
    return Error{"the rest is of one tenant and one period"};
  if (question.tenants == TenantsAsked::one) {
    return question.versus ? answer_versus(view, question, max_bytes)
                           : answer_one(view, question, max_bytes);
  }
  if (question.tenant) return Error{"--tenant names one; --tenants asks each, --all-tenants all"};
  if (question.versus) return Error{"--versus previous is of one --tenant"};
  return answer_tenants(view, question, max_bytes);
}

}  // namespace quipu
