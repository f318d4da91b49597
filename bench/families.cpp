// bench_families: how much of a store's disk space each family takes, as a line of JSON, family to
// bytes. For looking at a store that another process writes: each file of rows names its family,
// and nothing else is read. Files that compaction has replaced and not yet removed count too. Logs
// and all else are under "other".
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table_properties.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>

namespace {

// "" if the file is gone, or not yet whole.
std::string family_of(const std::string& path) {
  rocksdb::SstFileReader reader{rocksdb::Options()};
  if (!reader.Open(path).ok()) return "";
  const auto properties = reader.GetTableProperties();
  return properties ? properties->column_family_name : "";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench_families DATA_FOLDER\n");
    return 2;
  }
  namespace fs = std::filesystem;
  std::map<std::string, uint64_t> bytes;
  std::error_code error;
  for (fs::directory_iterator entry(fs::path(argv[1]) / "db", error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;
    const uint64_t size = entry->file_size(gone);
    if (gone) continue;
    const std::string family =
        entry->path().extension() == ".sst" ? family_of(entry->path().string()) : "";
    bytes[family.empty() ? "other" : family] += size;
  }
  if (error) {
    std::fprintf(stderr, "bench_families: %s/db: %s\n", argv[1], error.message().c_str());
    return 1;
  }
  std::printf("{");
  const char* separator = "";
  for (const auto& [family, size] : bytes) {
    std::printf("%s\"%s\":%llu", separator, family.c_str(), (unsigned long long)size);
    separator = ",";
  }
  std::printf("}\n");
  return 0;
}
