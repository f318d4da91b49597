#include "event/field_reader.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/decimal.h"
#include "plan/normalise.h"

namespace quipu {
namespace {

// Ids made from the time never meet ids that events have.
constexpr char kGivenId = 'n', kSecondAsId = 's';
constexpr size_t kPlainDigits =
    38;  // digits of the longest number that is written without exponent

// A number in seconds is such a time under unix_ms, one in milliseconds under unix_us, and so on.
constexpr EventTimeMs kEndOfJanuary1970Ms = EventTimeMs(31) * 86'400'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool all_digits(std::string_view text) { return std::all_of(text.begin(), text.end(), is_digit); }

bool is_present(const Value& value) {
  if (!value.is_scalar() || value.size == 0) return false;
  return uint8_t(value.data[0]) > ' ' || !trim_ascii(value.text()).empty();
}

bool is_container(const Value& value) {
  return value.kind == ValueKind::object || value.kind == ValueKind::array;
}

}  // namespace

bool set_aside(LineOutcome& outcome, Reason reason, std::string detail) {
  outcome.kind = LineOutcome::Kind::set_aside;
  outcome.reason = reason;
  outcome.detail = std::move(detail);
  return false;
}

bool set_aside_fault(LineOutcome& outcome, ValueFault fault, const std::string& path) {
  if (fault == ValueFault::duplicate_key) {
    return set_aside(outcome, Reason::duplicate_key,
                     path + ": a key on this path stands twice in its object");
  }
  return set_aside(outcome, Reason::invalid_utf8,
                   path + ": not valid UTF-8, or half of a surrogate pair");
}

std::string_view canonical(std::string_view text, bool is_number, std::string& scratch) {
  if (text.empty() || !(is_digit(text[0]) || text[0] == '-')) return text;
  if (text.size() <= kPlainDigits && all_digits(text) && (text[0] != '0' || text.size() == 1))
    return text;
  if (is_number) return canonical_number(text, scratch) ? std::string_view(scratch) : text;
  return canonical_text(text, scratch);
}

bool FieldReader::no_faults(const FieldValues& field, LineOutcome& outcome) const {
  for (size_t i = 0; i < field.indexes.size(); ++i) {
    const ValueFault fault = value(field.indexes[i]).fault;
    if (fault != ValueFault::none)
      return set_aside_fault(outcome, fault, field.field->paths[i].text);
  }
  return true;
}

const Value* FieldReader::first_present(const FieldValues& field, LineOutcome& outcome) const {
  for (uint32_t index : field.indexes) {
    if (is_present(value(index))) return &value(index);
    if (is_container(value(index))) add_note(outcome, Note::object_as_scalar);
  }
  return nullptr;
}

int FieldReader::chosen(const FieldValues& field) const {
  for (size_t i = 0; i < field.indexes.size(); ++i)
    if (is_present(value(field.indexes[i]))) return int(i);
  return -1;
}

bool FieldReader::text(const FieldValues& field, LineOutcome& outcome, std::string& scratch,
                       std::optional<std::string_view>& out) const {
  out.reset();
  if (field.field->kind == Field::Kind::constant) {
    out = field.field->constant;
    return true;
  }
  if (!no_faults(field, outcome)) return false;
  const Value* found = first_present(field, outcome);
  if (!found) return true;
  const bool is_number = found->kind == ValueKind::number;
  const bool as_it_is = is_number || (!field.field->trim && !field.field->lowercase);
  out = as_it_is
            ? canonical(found->text(), is_number, scratch)
            : canonical_field(found->text(), field.field->trim, field.field->lowercase, scratch);
  return true;
}

namespace {

bool is_nothing(const Value& v) {
  return v.fault == ValueFault::none &&
         (v.kind == ValueKind::missing || v.kind == ValueKind::null ||
          (v.kind == ValueKind::string && v.text().empty()));
}

}  // namespace

// Where `first` finds something; 0 if it does nowhere, or if there is one path.
size_t FieldReader::time_place() const {
  if (!is_nothing(value(paths_.time))) return 0;
  for (size_t i = 0; i < paths_.time_others.size(); ++i) {
    if (!is_nothing(value(paths_.time_others[i]))) return i + 1;
  }
  return 0;
}

// The text of the time's path, of the first where something is, or of all that are joined.
bool FieldReader::time_text(LineOutcome& outcome, std::string_view& text, ValueKind& kind,
                            const Path*& from) {
  const TimeField& field = paths_.plan.time;
  const size_t place = time_place();
  from = place == 0 ? &field.path : &field.others[place - 1];
  const size_t parts = 1 + paths_.time_then.size();
  const auto path = [&](size_t i) { return (i == 0 ? *from : field.then[i - 1]).text; };
  for (size_t i = 0; i < parts; ++i) {
    const Value& v = value(i > 0       ? paths_.time_then[i - 1]
                           : place > 0 ? paths_.time_others[place - 1]
                                       : paths_.time);
    if (v.fault != ValueFault::none) return set_aside_fault(outcome, v.fault, path(i));
    text = v.text();
    kind = v.kind;
    if (is_nothing(v)) return set_aside(outcome, Reason::time_missing, path(i) + ": no time");
    if (kind != ValueKind::string && kind != ValueKind::number)
      return set_aside(outcome, Reason::time_bad, path(i) + ": neither a string nor a number");
    if (parts == 1) return true;
    if (i == 0) time_.clear();
    time_.append(i == 0 ? "" : " ").append(text);
  }
  text = time_;
  kind = ValueKind::string;
  return true;
}

bool FieldReader::time(LineOutcome& outcome, EventTimeMs& ms) {
  const TimeField& field = paths_.plan.time;
  std::string_view text;
  ValueKind kind;
  const Path* from = nullptr;
  if (!time_text(outcome, text, kind, from)) return false;
  const bool number = kind == ValueKind::number || all_digits(text) || is_json_number(text);
  const ParsedTime parsed = !field.format.empty()
                                ? parse_time_format(text, field.format, *no_offset_)
                            : number ? parse_time_number(text, field.unit)
                                     : parse_time_text(text, *no_offset_);
  if (parsed.error != TimeError::none) {
    const bool bad = parsed.error == TimeError::bad;
    return set_aside(outcome, bad ? Reason::time_bad : Reason::time_out_of_range,
                     from->text + ": " + parsed.hint);
  }
  if (number && field.unit > TimeUnit::s && parsed.ms < kEndOfJanuary1970Ms)
    add_note(outcome, Note::unit_too_fine);
  if (parsed.local == LocalKind::twice) add_note(outcome, Note::local_time_twice);
  if (parsed.local == LocalKind::skipped) add_note(outcome, Note::local_time_skipped);
  ms = parsed.ms;
  return true;
}

bool FieldReader::values(LineOutcome& outcome, std::vector<Fixed6>& out, uint8_t& mask) const {
  mask = 0;
  for (size_t i = 0; i < paths_.values.size(); ++i) {
    std::optional<Fixed6> value;
    if (!one_value(paths_.values[i], outcome, value)) return false;
    if (!value) continue;
    out.push_back(*value);
    mask |= uint8_t(1u << i);
  }
  return true;
}

bool FieldReader::one_value(const FieldValues& field, LineOutcome& outcome,
                            std::optional<Fixed6>& out) const {
  std::string_view text;
  std::string_view from = "const";
  bool number = true;
  if (field.field->kind == Field::Kind::constant) {
    text = field.field->constant;
  } else {
    if (!no_faults(field, outcome)) return false;
    from = field.field->paths[0].text;
    // A path by itself says what it leads to; of alternatives the first that is present is meant.
    const Value* found =
        field.indexes.size() == 1 ? &value(field.indexes[0]) : first_present(field, outcome);
    if (!found || found->kind == ValueKind::missing || found->kind == ValueKind::null) return true;
    number = found->kind == ValueKind::number || found->kind == ValueKind::string;
    text = trim_ascii(found->text());
    if (found->kind == ValueKind::string && text.empty()) return true;
  }
  ParsedFixed6 parsed;
  parsed.error = DecimalError::not_a_number;
  if (number) parsed = parse_fixed6(text);
  if (parsed.error == DecimalError::not_a_number) {
    return set_aside(outcome, Reason::value_not_a_number, std::string(from) + ": no number");
  }
  if (parsed.error == DecimalError::too_large) {
    return set_aside(outcome, Reason::value_too_large, std::string(from) + ": beyond 10^20");
  }
  if (parsed.rounded) add_note(outcome, Note::rounded);
  out = parsed.value;
  return true;
}

bool FieldReader::id(LineOutcome& outcome, std::string_view metric, EventTimeMs ms, bool& has_id,
                     uint64_t& id) {
  const Field& field = *paths_.id.field;
  has_id = false;
  if (field.kind == Field::Kind::absent) return true;
  id_bytes_.clear();
  ByteWriter bytes(id_bytes_);
  bytes.u8(uint8_t(kGivenId));
  bytes.sized(metric);
  if (field.kind == Field::Kind::all) {
    if (!no_faults(paths_.id, outcome)) return false;
    has_id = true;
    for (uint32_t index : paths_.id.indexes) {
      const Value& part = value(index);
      if (is_container(part)) add_note(outcome, Note::object_as_scalar);
      has_id &= is_present(part);
      if (has_id) bytes.sized(canonical(part.text(), part.kind == ValueKind::number, scratch_));
    }
  } else {
    std::optional<std::string_view> given;
    if (!text(paths_.id, outcome, scratch_, given)) return false;
    has_id = given.has_value();
    if (given) {
      bytes.sized(*given);
    } else if (field.else_time_to_second) {
      has_id = true;
      id_bytes_[0] = kSecondAsId;
      bytes.svarint(ms / 1000);
    }
  }
  if (!has_id) return true;
  id = hasher_.hash64(id_bytes_);
  if (id == 0) id = 1;
  return true;
}

}  // namespace quipu
