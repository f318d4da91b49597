// Stored rows of this room from any bytes: they are read or refused, never more. The first byte
// chooses what they are taken for; what is read must come back the same when written again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>

#include "base/bytes.h"
#include "base/check.h"
#include "store/catalogue.h"
#include "store/names.h"
#include "store/state.h"

namespace quipu {
namespace {

// A meta family of one row.
class OneRow : public Snapshot {
 public:
  OneRow(std::string key, std::string value) : key_(std::move(key)), value_(std::move(value)) {}
  const CommittedState& state() const override { return state_; }
  Status scan_cells(std::string_view, std::string_view,
                    const std::function<bool(std::string_view, std::string_view)>&) override {
    return {};
  }
  Status get_cells(const std::vector<std::string>&, std::vector<std::string>&) override {
    return {};
  }
  Result<std::string> seek_cell_key(std::string_view) override { return std::string(); }
  Result<std::vector<std::string>> names(TenantId, PropertyId, uint64_t) override {
    return std::vector<std::string>();
  }
  Status names_of(TenantId, PropertyId, std::span<const uint64_t>,
                  const std::function<void(size_t, std::string_view)>&) override {
    return {};
  }
  Status scan_names(TenantId, PropertyId,
                    const std::function<bool(uint64_t, std::string_view)>&) override {
    return {};
  }
  Status scan_meta(std::string_view prefix,
                   const std::function<bool(std::string_view, std::string_view)>& visit) override {
    if (key_.starts_with(prefix)) visit(key_, value_);
    return {};
  }
  Result<std::string> get_meta(std::string_view) override { return value_; }

 private:
  std::string key_, value_;
  CommittedState state_;
};

void names_row(std::string_view bytes) {
  std::vector<std::string> texts;
  for (uint64_t element :
       {uint64_t(0), ByteReader(bytes.substr(std::min<size_t>(bytes.size(), 5))).le64(),
        ~uint64_t(0)})
    (void)find_names(bytes, element, texts);
  const auto names = decode_names(bytes);
  const std::string_view twice[] = {bytes, bytes};
  const auto merged = merge_names(twice);
  CHECK(names.has_value() == merged.has_value());
  if (!names) return;
  CHECK(*merged == bytes);
  for (size_t i = 0; i < names->size();) {
    const uint64_t element = (*names)[i].element;
    texts.clear();
    CHECK(find_names(bytes, element, texts));
    for (const std::string& text : texts)
      CHECK(i < names->size() && (*names)[i++] == (Name{element, text}));
    CHECK(i == names->size() || (*names)[i].element != element);
  }
}

void catalogue_row(std::string_view prefix, uint32_t id, std::string_view bytes) {
  std::string key(prefix);
  ByteWriter(key).be32(id);
  OneRow snapshot(key, std::string(bytes));
  auto catalogue = Catalogue::load(snapshot);
  if (!catalogue.ok()) return;
  CHECK((*catalogue)->take_pending().empty());
  (void)(*catalogue)->pin(snapshot, TenantId(1), 1).ok();
  (void)(*catalogue)->fixed_calendars(TenantId(1));
}

}  // namespace
}  // namespace quipu

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quipu;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  static constexpr std::string_view kKinds[] = {"tenant/", "selector/", "property/", "dimension/",
                                                "layout/", "plan/",     "rules/"};
  const unsigned kind = data[0] % 11;
  if (kind < 7) {
    catalogue_row(kKinds[kind], 1, bytes);
  } else if (kind == 7) {
    catalogue_row("value/", 0, bytes);
  } else if (kind == 8) {
    names_row(bytes);
  } else if (kind == 9) {
    CommittedState state;
    uint64_t commits = 0;
    if (decode_state(bytes, state, commits)) {
      CommittedState again;
      CHECK(decode_state(encode_state(state, commits), again, commits) &&
            again.checkpoint == state.checkpoint);
    }
  } else {
    StoreFormat format;
    if (decode_format(bytes, format) && format.version == kStoreVersion)
      CHECK(encode_format(format) == bytes);
  }
  return 0;
}
