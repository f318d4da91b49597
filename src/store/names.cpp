#include "store/names.h"

#include <algorithm>

#include "base/bytes.h"

namespace quipu {
namespace {
constexpr uint8_t kNamesVersion = 1;
}

void append_name_key(TenantId tenant, PropertyId property, uint64_t element, std::string& out) {
  ByteWriter w(out);
  w.be32(raw(tenant));
  w.be32(raw(property));
  w.be64(element);
}

std::string encode_names(std::span<const std::string_view> texts) {
  std::string bytes;
  ByteWriter w(bytes);
  w.u8(kNamesVersion);
  for (std::string_view text : texts) w.sized(text);
  return bytes;
}

std::optional<std::vector<std::string_view>> decode_names(std::string_view bytes) {
  ByteReader r(bytes);
  if (r.u8() != kNamesVersion) return std::nullopt;
  std::vector<std::string_view> texts;
  while (!r.done()) {
    const std::string_view text = r.sized();
    if (!r.ok() || (!texts.empty() && texts.back() >= text)) return std::nullopt;
    texts.push_back(text);
  }
  if (texts.empty()) return std::nullopt;
  return texts;
}

std::optional<std::string> merge_names(std::span<const std::string_view> values) {
  std::vector<std::string_view> all;
  for (std::string_view value : values) {
    auto texts = decode_names(value);
    if (!texts) return std::nullopt;
    all.insert(all.end(), texts->begin(), texts->end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return encode_names(all);
}

}  // namespace quipu
