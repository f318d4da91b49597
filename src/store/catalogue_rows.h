// Rows of the catalogue in the meta family: their keys, and the bytes of the larger ones. Ids in
// keys are big endian, u32 unless said otherwise. Every value begins with a version byte (1).
// "sized" is a varint length and the bytes; "signed" is a signed varint.
//   tenant/ID         sized name | calendars fixed u8 (0, 1) | if so: varint n,
//                     n x (sized name, sized zone, week start u8)
//   selector/ID       group u8 (0, 1) | sized name | sized identity
//   property/ID       sized identity
//   dimension/ID      sized identity
//   value/ID          sized name (ids from 0; all others from 1)
//   layout/ID         the layout's bytes (plan/compiled.h)
//   plan/VERSION      from checkpoint varint | from time_s signed | the plan's bytes
//   reached/VERSION   UTC day behind all counts before the plan, varint; no row: 0
//   rules/VERSION     varint n | n x sized zone rules (time/zone.h)
//   pin/TENANT MONTH(u16)               rules version u16, little endian
//   several/TENANT SELECTOR DIMENSION   nothing more
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "plan/plan.h"

namespace quipu {

inline constexpr uint8_t kRowVersion = 1;

inline constexpr std::string_view kTenantPrefix = "tenant/", kSelectorPrefix = "selector/",
                                  kPropertyPrefix = "property/", kDimensionPrefix = "dimension/",
                                  kValuePrefix = "value/", kLayoutPrefix = "layout/",
                                  kPlanPrefix = "plan/", kReachedPrefix = "reached/",
                                  kRulesPrefix = "rules/", kPinPrefix = "pin/",
                                  kSeveralPrefix = "several/";

std::string id_key(std::string_view prefix, uint32_t id);
std::string pin_key(TenantId tenant, MonthIndex month);
std::string several_key(TenantId tenant, SelectorId selector, DimensionId dimension);

std::string text_row(std::string_view text);
std::string tenant_row(std::string_view name,
                       const std::optional<std::vector<Calendar>>& calendars);
// Those of a tenant's row, behind its name. False if they cannot be what was written.
bool read_calendars(ByteReader& r, std::optional<std::vector<Calendar>>& out);

}  // namespace quipu
