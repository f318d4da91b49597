// The dictionary of names: (tenant, property, element) -> the texts that were met under that hash.
// Key: tenant u32 | property u32 | element u64, big endian.
// Value: version u8 (1) | texts, each with a varint length before it; sorted by bytes, distinct.
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace quipu {

void append_name_key(TenantId tenant, PropertyId property, uint64_t element, std::string& out);

// `texts` must be sorted and distinct.
std::string encode_names(std::span<const std::string_view> texts);
// The views point into `bytes`. nullopt on corrupt bytes.
std::optional<std::vector<std::string_view>> decode_names(std::string_view bytes);
// The union of several values: the names family's merge. nullopt on corrupt bytes.
std::optional<std::string> merge_names(std::span<const std::string_view> values);

}  // namespace quipu
