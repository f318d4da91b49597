// explain_line(): what a line's fields were read as, for people.
#include <utility>

#include "event/decoder_impl.h"

namespace quipu {
namespace {

std::string joined(const std::vector<Path>& paths) {
  std::string out;
  for (const Path& path : paths) out += (out.empty() ? "" : ", ") + path.text;
  return out;
}

// A field whose text was read, or whose alternatives were all absent.
ReadField read_text_field(const std::string& name, const FieldValues& field,
                          const FieldReader& reader) {
  ReadField out{name, joined(field.field->paths), {}};
  if (field.field->kind == Field::Kind::constant) out.from = "const";
  if (const int chosen = reader.chosen(field); chosen >= 0)
    out.from = field.field->paths[size_t(chosen)].text;
  LineOutcome ignored;
  std::string scratch;
  std::optional<std::string_view> text;
  if (reader.text(field, ignored, scratch, text) && text) out.texts.emplace_back(*text);
  return out;
}

ReadField read_id_field(const FieldValues& field, const FieldReader& reader,
                        std::optional<EventTimeMs> time_ms) {
  if (field.field->kind != Field::Kind::all) {
    ReadField out = read_text_field("id", field, reader);
    if (out.texts.empty() && field.field->else_time_to_second && time_ms) {
      out.from = "time to the second";
      out.texts.push_back(format_instant(*time_ms / 1000, 0));
    }
    return out;
  }
  ReadField out{"id", joined(field.field->paths), {}};
  Field part;
  part.kind = Field::Kind::first;
  for (size_t i = 0; i < field.indexes.size(); ++i) {
    part.paths = {field.field->paths[i]};
    const ReadField one = read_text_field("id", FieldValues{&part, {field.indexes[i]}}, reader);
    if (one.texts.empty()) return ReadField{"id", out.from, {}};
    out.texts.push_back(one.texts[0]);
  }
  return out;
}

}  // namespace

LineOutcome explain_line(Decoder& decoder, std::string_view line, std::vector<ReadField>& fields) {
  fields.clear();
  Decoder::Impl& d = *decoder.impl_;
  const Plan& plan = d.plan.parsed;
  EventBatch batch;
  batch.columns = uint32_t(plan.columns.size());
  LineOutcome outcome = d.decode(line, decoder.now_ms_, std::span(&batch, 1));
  if (outcome.kind == LineOutcome::Kind::blank || line.size() > kMaxLineBytes) return outcome;
  for (Reason unread : {Reason::line_too_long, Reason::not_json, Reason::too_deep,
                        Reason::wrong_field_count, Reason::quote_open})
    if (outcome.kind == LineOutcome::Kind::set_aside && outcome.reason == unread) return outcome;

  LineOutcome ignored;
  fields.push_back(read_text_field("tenant", d.paths.tenant, d.fields));
  fields.push_back(read_text_field("metric", d.paths.metric, d.fields));
  std::optional<EventTimeMs> time_ms = 0;
  if (!d.fields.time(ignored, *time_ms)) time_ms.reset();
  ReadField time{"time", plan.time.path.text, {}};
  for (const Path& path : plan.time.then) time.from += ", " + path.text;
  for (const Path& path : plan.time.others) time.from += ", " + path.text;
  if (time_ms) time.texts.push_back(format_instant(*time_ms / 1000, 0));
  fields.push_back(std::move(time));
  if (plan.profile.kind != Field::Kind::absent)
    fields.push_back(read_text_field("profile", d.paths.profile, d.fields));
  if (plan.id.kind != Field::Kind::absent)
    fields.push_back(read_id_field(d.paths.id, d.fields, time_ms));

  std::vector<Fixed6> values;
  uint8_t mask = 0;
  const bool good_values = d.fields.values(ignored, values, mask);
  size_t next = 0;
  for (size_t i = 0; i < plan.values.size(); ++i) {
    ReadField value{"value " + plan.values[i].name, joined(plan.values[i].field.paths), {}};
    if (plan.values[i].field.kind == Field::Kind::constant) value.from = "const";
    if (good_values && mask >> i & 1) value.texts.push_back(format_fixed6(values[next++]));
    fields.push_back(std::move(value));
  }

  const bool good_columns = d.rows.read(~uint64_t(0), ignored);
  for (const Property& property : plan.properties) {
    ReadField read{"property " + property.name, property.path.text, {}};
    if (good_columns)
      for (std::string_view text : d.rows.texts(property.column)) read.texts.emplace_back(text);
    fields.push_back(std::move(read));
  }
  return outcome;
}

}  // namespace quipu
