#include "source/content_match.h"

#include <algorithm>
#include <map>

#include "source/beginnings.h"
#include "source/record_scanner.h"

namespace quipu {
namespace {

struct Candidate {
  KnownContent content;
  uint64_t lines = 0;  // shared, at least
};

class Matcher {
 public:
  Matcher(const Input& input, KnownInputs& known) : input_(input), known_(known) {}

  Result<ContentMatch> match() {
    QUIPU_TRY(collect());
    ContentMatch match;
    if (candidates_.empty()) return match;
    std::vector<Candidate*> rising;
    for (auto& [number, candidate] : candidates_) rising.push_back(&candidate);
    std::stable_sort(rising.begin(), rising.end(), [](const Candidate* a, const Candidate* b) {
      return a->content.counted.bytes < b->content.counted.bytes;
    });
    QUIPU_ASSIGN(auto at, input_.open());
    bool more = true;  // of the input, and undamaged: damage that lies ahead is met when it is read
    for (Candidate* candidate : rising) {
      const SourcePosition& counted = candidate->content.counted;
      bool goes_on = false;
      if (more) {
        auto reached = input_.advance(at, counted.bytes);
        if (!reached.ok() && input_.stopped()) return reached.error();
        more = reached.ok() && *reached;
        goes_on = more && at.taken.matches(counted);
      }
      if (goes_on) {
        match.goes_on = std::move(candidate->content);
      } else if (candidate->lines >= match.alike_lines) {
        match.alike = std::move(candidate->content);
        match.alike_lines = candidate->lines;
      }
    }
    return match;
  }

 private:
  // The contents that share enough with the input: those of which the last beginning is one of the
  // input's, and one that has the input's last.
  Status collect() {
    QUIPU_ASSIGN(auto at, input_.open());
    const size_t header = size_t(input_.beginning.bytes);
    std::string text, buffer(header + kFingerprintBytes, '\0');
    size_t looked_up = 0;
    uint64_t last = 0;  // one that has the beginning looked up last
    for (bool ended = false;;) {
      const bool all = ended || is_beginning_whole(text.size(), header);
      const std::vector<Beginning> beginnings = beginnings_of(text, header, ended);
      for (; looked_up < beginnings.size(); ++looked_up) {
        QUIPU_ASSIGN(auto alike, known_.beginning(beginnings[looked_up].hash));
        if (!alike) return {};
        last = alike->any;
        for (uint64_t number : alike->ends) QUIPU_TRY(add(number, beginnings[looked_up], true));
      }
      if (all) return last ? add(last, beginnings.back(), false) : Status();
      auto got = at.stream->read(buffer.data(), buffer.size() - text.size());
      if (!got.ok() && input_.stopped()) return got.error();
      ended = !got.ok() || *got == 0;  // damage is met when it is read
      if (got.ok()) text.append(buffer, 0, *got);
      if (got.ok() && ended) leave_unfinished(text, header);
    }
  }

  // A last line that is left for the next run is none of the input's lines yet.
  void leave_unfinished(std::string& text, size_t header) const {
    if (!input_.last_line_may_grow || text.size() <= header || text.back() == '\n') return;
    const size_t newline = text.rfind('\n');
    const size_t begin = std::max(header, newline == std::string::npos ? 0 : newline + 1);
    if (input_.closed_object_is_whole && is_closed_object(std::string_view(text).substr(begin)))
      return;
    text.resize(begin);
  }

  Status add(uint64_t number, const Beginning& beginning, bool if_last) {
    if (candidates_.contains(number)) {
      candidates_[number].lines = std::max(candidates_[number].lines, beginning.lines);
      return {};
    }
    QUIPU_ASSIGN(auto content, known_.content(number));
    // It may have grown since.
    if (if_last && content.counted.beginnings.back() != beginning.hash) return {};
    candidates_[number] = {std::move(content), beginning.lines};
    return {};
  }

  const Input& input_;
  KnownInputs& known_;
  std::map<uint64_t, Candidate> candidates_;
};

}  // namespace

Result<ContentMatch> match_content(const Input& input, KnownInputs& known) {
  return Matcher(input, known).match();
}

}  // namespace quipu
