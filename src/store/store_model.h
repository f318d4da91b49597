// For tests of the store: checkpoints drawn at random, a model that applies them to plain maps, and
// the comparison of a whole store with the model.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/check.h"
#include "store/state.h"
#include "store/store.h"

namespace quipu {

// A folder of its own for a test; removed with all it holds. In memory where there is room, since
// these tests sync thousands of times.
class TestFolder {
 public:
  TestFolder() {
    std::error_code none;
    const auto memory = std::filesystem::space("/dev/shm", none);
    const bool roomy = !none && memory.available >= (48 << 20);
    std::string name =
        (roomy ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path()) /
        "quipu_store_XXXXXX";
    CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  std::string path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

enum class TestWay { batch, files, mixed };

inline StoreOptions test_options(bool create = true) {
  StoreOptions options;
  options.create = create;
  options.lock_wait_ms = 0;
  options.cache_bytes = 1 << 20;
  options.write_buffer_bytes = 1 << 20;
  options.ingest_bytes = 1000;
  options.secret.fill(7);
  return options;
}
// expected_bytes that make a store with test_options() take this way, whatever it took before.
inline size_t test_bytes(TestWay way, uint64_t checkpoint) {
  if (way == TestWay::mixed) way = (checkpoint / 2) % 2 ? TestWay::batch : TestWay::files;
  return way == TestWay::files ? 1'000'000 : 1;
}

inline std::string test_cell_key(uint32_t tenant, uint32_t chunk) {
  CellKey key;
  key.day = 20000;
  key.tenant = TenantId(tenant);
  key.selector = SelectorId(1);
  key.dimension = DimensionId(3);
  key.chunk_bits = 8;
  key.chunk = chunk << 24;
  std::string bytes;
  key.append_to(bytes);
  return bytes;
}
inline std::string test_cell_row(uint64_t element, uint64_t count) {
  CellRowBuilder builder(1, {}, 0);
  SlotCount slot;
  slot.slot = 12;
  slot.count = count;
  builder.add({&element, 1}, {&slot, 1});
  return builder.finish();
}

class StoreModel {
 public:
  uint64_t checkpoint = 0;
  std::map<std::string, std::map<uint64_t, uint64_t>> cells;  // key -> element -> count
  std::map<std::string, std::string> records, positions, meta;
  std::map<std::tuple<TenantId, PropertyId, uint64_t>, std::set<std::string>> names;
  std::vector<uint64_t> codes;  // elements, in the order of their codes
  uint64_t read = 0, dead_letter_bytes = 0;

  // What checkpoint number `checkpoint + 1` of this seed holds; applied to the model.
  CheckpointWrite next(uint64_t seed, TestWay way, int rows = 20) {
    checkpoint += 1;
    std::mt19937_64 random(seed * 1000 + checkpoint);
    auto up_to = [&](uint64_t n) { return random() % n; };

    CheckpointWrite write;
    write.expected_bytes = test_bytes(way, checkpoint);
    read += up_to(1000);
    dead_letter_bytes += up_to(100);
    write.state.checkpoint = checkpoint;
    write.state.time_s = 1'700'000'000 + int64_t(checkpoint);
    write.state.tallies.read = read;
    write.state.dead_letter_bytes = dead_letter_bytes;
    const std::string source = "source" + std::to_string(up_to(3));
    positions[source] = write.positions[source] =
        std::to_string(checkpoint) + std::string(up_to(40), 'p');

    draw_cells(random, rows, write);
    draw_records(random, rows, write);
    draw_names(random, rows, write);
    const std::string entry = "tenant/" + std::to_string(up_to(10));
    meta[entry] = std::to_string(checkpoint);
    write.catalogue = [entry, value = meta[entry]] { return std::vector<MetaPut>{{entry, value}}; };
    return write;
  }

  // "" if the store holds exactly this, else what differs or which error came.
  // Those whose keys begin with a prefix; of it so many bytes are left out.
  static std::map<std::string, std::string> rows_of(Snapshot& snapshot, std::string_view prefix,
                                                    size_t left_out) {
    std::map<std::string, std::string> rows;
    const Status read =
        snapshot.scan_meta(prefix, [&](std::string_view key, std::string_view value) {
          rows.emplace(key.substr(left_out), value);
          return true;
        });
    if (!read.ok()) rows["unreadable"] = read.error().message;
    return rows;
  }

  std::string difference(Store& store) const {
    const auto snapshot = store.snapshot();
    const CommittedState& state = snapshot->state();
    if (state.checkpoint != checkpoint) {
      return "checkpoint " + std::to_string(state.checkpoint) + ", not " +
             std::to_string(checkpoint);
    }
    if (state.tallies.read != read || state.dead_letter_bytes != dead_letter_bytes)
      return "tallies";
    std::string trouble;
    if (rows_of(*snapshot, kPositionPrefix, kPositionPrefix.size()) != positions)
      return "positions";

    decltype(cells) found_cells;
    Status s = snapshot->scan_cells("", "", [&](std::string_view key, std::string_view value) {
      Status row = read_cell_row(value, [&](const CellEntry& entry) {
        for (const SlotCount& slot : entry.slots)
          found_cells[std::string(key)][entry.elements[0]] += slot.count;
      });
      if (!row.ok()) trouble = row.error().message;
      return true;
    });
    if (!s.ok()) return s.error().message;
    if (!trouble.empty()) return trouble;
    if (found_cells != cells) return "cells";

    decltype(records) found_records;
    s = store.scan_records([&](std::string_view key, std::string_view value) {
      found_records.emplace(key, value);
      return true;
    });
    if (!s.ok()) return s.error().message;
    if (found_records != records) return "records";

    for (uint32_t property = 1; property <= 4; ++property) {
      for (uint64_t element = 0; element < 11; ++element) {
        auto texts = snapshot->names(TenantId(1), PropertyId(property), element);
        if (!texts.ok()) return texts.error().message;
        auto expected = names.find({TenantId(1), PropertyId(property), element});
        if (std::set<std::string>(texts->begin(), texts->end()) !=
            (expected == names.end() ? std::set<std::string>() : expected->second)) {
          return "names";
        }
      }
    }
    if (rows_of(*snapshot, "tenant/", 0) != meta) return "catalogue rows";

    std::vector<uint64_t> found_codes, chunk;
    s = snapshot->scan_meta(kCodesPrefix, [&](std::string_view, std::string_view value) {
      if (!decode_hashes(value, chunk)) trouble = "a row of codes";
      found_codes.insert(found_codes.end(), chunk.begin(), chunk.end());
      return true;
    });
    if (!s.ok()) return s.error().message;
    if (!trouble.empty()) return trouble;
    if (found_codes != codes) return "codes";
    for (uint32_t code = 0; code < codes.size(); ++code) {
      if (store.element_codes().element(code) != codes[code]) return "codes in memory";
    }
    return "";
  }

 private:
  using Random = std::mt19937_64;
  static uint64_t up_to(Random& random, uint64_t n) { return random() % n; }

  void draw_cells(Random& random, int rows, CheckpointWrite& write) {
    std::map<std::string, std::map<uint64_t, uint64_t>> new_cells;
    for (int i = 0; i < rows; ++i) {
      const uint64_t element = 100 + up_to(random, 5), count = 1 + up_to(random, 1'000'000);
      const std::string key =
          test_cell_key(uint32_t(1 + up_to(random, 4)), uint32_t(up_to(random, 16)));
      if (new_cells[key].empty()) {  // one value a row: rows need no order within
        new_cells[key][element] = count;
        cells[key][element] += count;
      }
    }
    write.cells = [new_cells](const RowSink& sink) -> Status {
      for (const auto& [key, values] : new_cells) {
        for (const auto& [element, count] : values)
          QUIPU_TRY(sink(key, test_cell_row(element, count)));
      }
      return {};
    };
  }

  void draw_records(Random& random, int rows, CheckpointWrite& write) {
    struct Append {
      RecordKey key;
      std::string bytes;
      RecordWrite how = RecordWrite::append;
    };
    std::map<std::string, Append> new_records;
    for (int i = 0; i < rows; ++i) {
      RecordKey record;
      record.month = MonthIndex(up_to(random, 3) == 0 ? kForever : 600 + up_to(random, 2));
      record.tenant = TenantId(uint32_t(1 + up_to(random, 2)));
      record.profile = {up_to(random, 3), up_to(random, 3)};
      record.depth = uint8_t(up_to(random, 2));
      record.path = uint32_t(up_to(random, 2));
      const std::string bytes = std::to_string(random()) + ";";
      std::string key;
      record.append_to(key);
      Append& append = new_records[key];
      if (!records.contains(key) && up_to(random, 1) == 0) append.how = RecordWrite::first;
      append.key = record;
      append.bytes += bytes;
      records[key] += bytes;
    }
    for (auto& [key, append] : new_records) {
      if (append.how == RecordWrite::first || up_to(random, 2) != 0) continue;
      append.how = RecordWrite::whole;
      append.bytes = records[key];
    }
    std::vector<uint64_t> new_codes;
    for (uint64_t n = up_to(random, 2) * up_to(random, 400); n > 0; --n)
      new_codes.push_back(checkpoint << 32 | n);
    codes.insert(codes.end(), new_codes.begin(), new_codes.end());
    write.records = [new_records, new_codes](ElementCodes& given,
                                             const RecordSink& sink) -> Status {
      for (uint64_t element : new_codes) {
        while (given.code_of(element) == ElementCodes::kNone) {
        }
      }
      for (const auto& [key, append] : new_records)
        QUIPU_TRY(sink(append.key, append.bytes, append.how));
      return {};
    };
  }

  void draw_names(Random& random, int rows, CheckpointWrite& write) {
    NameBatch& new_names = write.names.emplace_back();
    for (int i = 0; i < rows; ++i) {
      const std::string text = "name " + std::to_string(up_to(random, 4));
      const NameEntry entry{TenantId(1), PropertyId(uint32_t(1 + up_to(random, 3))),
                            up_to(random, 10), text};
      names[{entry.tenant, entry.property, entry.element}].insert(text);
      new_names.add(entry);
    }
  }
};

}  // namespace quipu
