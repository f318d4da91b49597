#include "store/catalogue_rows.h"

#include <utility>

namespace quipu {

std::string id_key(std::string_view prefix, uint32_t id) {
  std::string key(prefix);
  ByteWriter(key).be32(id);
  return key;
}

std::string pin_key(TenantId tenant, MonthIndex month) {
  std::string key = id_key(kPinPrefix, raw(tenant));
  ByteWriter(key).be16(month);
  return key;
}

std::string several_key(TenantId tenant, SelectorId selector, DimensionId dimension) {
  std::string key(kSeveralPrefix);
  ByteWriter w(key);
  w.be32(raw(tenant));
  w.be32(raw(selector));
  w.be32(raw(dimension));
  return key;
}

std::string text_row(std::string_view text) {
  std::string row;
  ByteWriter w(row);
  w.u8(kRowVersion);
  w.sized(text);
  return row;
}

std::string tenant_row(std::string_view name,
                       const std::optional<std::vector<Calendar>>& calendars) {
  std::string row = text_row(name);
  ByteWriter w(row);
  w.u8(calendars ? 1 : 0);
  if (!calendars) return row;
  w.varint(calendars->size());
  for (const Calendar& c : *calendars) {
    w.sized(c.name);
    w.sized(c.zone);
    w.u8(uint8_t(c.week_start));
  }
  return row;
}

bool read_calendars(ByteReader& r, std::optional<std::vector<Calendar>>& out) {
  const uint8_t fixed = r.u8();
  if (!r.ok() || fixed > 1) return false;
  if (!fixed) return true;
  const uint64_t count = r.varint();
  if (count > kMaxCalendars) return false;
  std::vector<Calendar> calendars;
  for (uint64_t i = 0; i < count; ++i) {
    Calendar c;
    c.name = r.sized();
    c.zone = r.sized();
    const uint8_t week_start = r.u8();
    if (!r.ok() || week_start > uint8_t(WeekStart::sunday)) return false;
    c.week_start = WeekStart(week_start);
    calendars.push_back(std::move(c));
  }
  out = std::move(calendars);
  return true;
}

}  // namespace quipu
