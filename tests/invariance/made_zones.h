// Zone files that no tzdata has, for tests: a TZif file (RFC 8536) from a list of changes of
// offset. One thread; errors end the process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace quipu::test {

struct MadeZone {
  int32_t first_offset_s = 0;
  std::vector<std::pair<int64_t, int32_t>> changes;  // (UTC second, offset from then on), rising
};

// The file's bytes. At most 255 changes of offset to different ones.
inline std::string zone_bytes(const MadeZone& zone) {
  std::vector<int32_t> offsets{zone.first_offset_s};
  std::string times, indexes, types;
  const auto big_endian = [](std::string& out, int64_t v, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) out += char(v >> (8 * i));
  };
  for (const auto& [at_s, offset_s] : zone.changes) {
    size_t i = 0;
    while (i < offsets.size() && offsets[i] != offset_s) ++i;
    if (i == offsets.size()) offsets.push_back(offset_s);
    big_endian(times, at_s, 8);
    indexes += char(i);
  }
  for (int32_t offset : offsets) {
    big_endian(types, offset, 4);
    types += std::string(2, '\0');  // no summer time, the abbreviation at 0
  }
  const auto header = [&](size_t changes, size_t kinds) {
    std::string out = "TZif2" + std::string(15, '\0');
    for (size_t n : {size_t(0), size_t(0), size_t(0), changes, kinds, size_t(4)})
      big_endian(out, int64_t(n), 4);
    return out;
  };
  const std::string name("LMT\0", 4);
  return header(0, 1) + std::string(6, '\0') + name + header(zone.changes.size(), offsets.size()) +
         times + indexes + types + name + "\n\n";
}

inline void write_zone(const std::string& zoneinfo_dir, const std::string& name,
                       const MadeZone& zone) {
  const std::filesystem::path path = std::filesystem::path(zoneinfo_dir) / name;
  std::filesystem::create_directories(path.parent_path());
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << zone_bytes(zone);
}

}  // namespace quipu::test
