#include "invariance/store_run.h"

#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "query/export.h"

namespace quipu::test {
namespace {

template <typename T>
T must(Result<T> result, const std::string& what) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s: %s\n", what.c_str(), result.error().message.c_str());
    std::abort();
  }
  return std::move(result).value();
}

// What people do to files that are being counted: renames, swaps of names, copies, compression.
// Gives the names that hold all of the content now.
std::vector<std::string> move_files(std::vector<std::string> files, std::mt19937_64& random) {
  namespace fs = std::filesystem;
  const size_t at = random() % files.size(), other = random() % files.size();
  const std::string fresh = files[at] + "." + std::to_string(random() % 100000);
  switch (random() % 4) {
    case 0:
      fs::rename(files[at], fresh);
      files[at] = fresh;
      break;
    case 1:
      if (at == other) break;
      fs::rename(files[at], fresh);
      fs::rename(files[other], files[at]);
      fs::rename(fresh, files[other]);
      break;
    case 2:
      fs::copy_file(files[at], fresh);
      files.insert(files.begin() + long(random() % (files.size() + 1)), fresh);
      break;
    case 3:
      if (std::system(("gzip -cdf '" + files[at] + "' | gzip -c > '" + fresh + "'").c_str()) != 0)
        std::abort();
      files[at] = fresh;
      break;
  }
  return files;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "quipu-test-XXXXXX").string();
  if (!::mkdtemp(name.data())) std::abort();
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> split_into_files(const std::string& folder, const std::string& name,
                                          const std::vector<std::string>& lines,
                                          std::mt19937_64& random) {
  std::vector<std::string> texts(1 + random() % 3), files;
  for (size_t i = 0; i < lines.size(); ++i)
    texts[i * texts.size() / lines.size()] += lines[i] + "\n";
  for (size_t f = 0; f < texts.size(); ++f) {
    files.push_back(folder + "/" + name + std::to_string(f) + ".jsonl");
    write_file(files.back(), texts[f]);
  }
  return files;
}

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::string Settings::describe() const {
  std::ostringstream out;
  out << "shards " << engine.shards << ", decoders " << engine.decoders << ", hot "
      << engine.hot_bytes << ", pane " << engine.pane_bytes << ", checkpoint every "
      << engine.checkpoint_blocks << " blocks of " << engine.block_bytes << ", batches of "
      << engine.batch_events << " events or " << engine.batch_bytes << " bytes, matrix rows "
      << engine.tally.matrix_rows << ", inlined rows " << engine.tally.inlined_rows
      << ", whole bytes " << engine.tally.whole_bytes << ", chunk words "
      << engine.tally.chunk_words << ", variant " << engine.tally.variant << ", ingest from "
      << engine.store.ingest_bytes << ", sparse up to " << engine.group_by.sparse_events << "/"
      << engine.group_by.sparse_limit << ", joint up to " << engine.group_by.joint_values
      << ", chunks seed " << engine.group_by.random_chunks_seed << ", restart every "
      << restart_every_blocks;
  return out.str();
}

Settings draw_settings(std::mt19937_64& random) {
  auto pick = [&](std::vector<uint64_t> of) { return of[random() % of.size()]; };
  Settings s;
  EngineOptions& e = s.engine;
  e.shards = unsigned(1 + random() % 5);
  e.decoders = unsigned(1 + random() % 3);
  e.hot_bytes = pick({200 << 10, 400 << 10, 1 << 20, 64 << 20});
  e.pane_bytes = pick({32 << 10, 256 << 10, 64 << 20});
  e.block_bytes = pick({1 << 10, 8 << 10, 64 << 10});
  e.checkpoint_blocks = pick({0, 1, 3, 10});
  e.batch_events = pick({1, 7, 4096});
  e.batch_bytes = pick({1, 4 << 10, 1 << 20});
  e.tally.matrix_rows = int(pick({1, 2, 7, 8, 9, 16, 64, 128, 384}));
  e.tally.inlined_rows = int(pick({0, 1, 3, 8, 24, 32}));
  e.tally.whole_bytes = int(pick({0, 100, 300, 2048, 65536}));
  e.tally.chunk_words = e.tally.deep_chunk_words = int(pick({2, 4, 16, 64, 1024}));
  e.tally.variant = int(random() % 4);
  e.store.ingest_bytes = pick({1, 64 << 10, size_t(1) << 40});
  e.group_by.sparse_events = int(pick({0, 1, 4, 50}));
  e.group_by.sparse_limit = uint32_t(pick({1, 8, 256}));
  e.group_by.joint_values = int(pick({0, 3, 64}));
  e.group_by.random_chunks_seed = pick({0, 1 + random() % 1000});
  e.group_by.chunk_values = int(pick({1, 8, 128}));
  e.relative_now = false;
  s.restart_every_blocks = pick({0, 5, 25});
  return s;
}

std::vector<std::string> sorted_export(Engine& engine) {
  auto snapshot = engine.store().snapshot();
  std::vector<std::string> lines;
  auto view = StoreView::open(engine.catalogue(), *snapshot, engine.store().hasher());
  if (!view.ok()) return lines;  // nothing was counted
  Status status = export_all(
      **view, ExportFormat::json,
      [&](const std::string& line) {
        lines.push_back(line);
        return true;
      },
      kExportPieceBytes);
  if (!status.ok()) {
    std::fprintf(stderr, "export: %s\n", status.error().message.c_str());
    std::abort();
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

Outcome count_phases(const std::string& folder, const std::vector<Phase>& phases,
                     const Settings& settings, std::mt19937_64& random) {
  Outcome outcome;
  for (const Phase& phase : phases) {
    std::vector<std::string> files = phase.files;
    bool moved = false;
    while (true) {
      EngineOptions options = settings.engine;
      options.data_folder = folder + "/store";
      options.zoneinfo_dir = phase.zoneinfo_dir;
      const std::string plan_folder = std::filesystem::path(phase.plan_file).parent_path().string();
      auto plan = must(
          Plan::parse(read_file(phase.plan_file), phase.plan_file, plan_folder, phase.zoneinfo_dir),
          "plan");
      auto engine = must(Engine::open(std::move(plan), options), "open");
      RunOptions run;
      run.anyway = true;  // a file may begin with bad lines alone
      if (settings.restart_every_blocks)
        run.abandon_after_blocks = 1 + random() % (2 * settings.restart_every_blocks);
      const uint64_t before = engine->store().committed().checkpoint;
      auto count_checkpoints = [&] {
        outcome.checkpoints += engine->store().committed().checkpoint - before;
      };
      run.moved = run.again = moved;
      auto summary = must(engine->run(files, run), "run");
      const bool done = summary.committed.checkpoint > 0 || !run.abandon_after_blocks;
      if (!done) {
        ++outcome.restarts;
        // Without checkpoints by blocks nothing might ever become durable: let some progress be
        // made.
        if (random() % 3 == 0 && !engine->checkpoint().ok()) std::abort();
        count_checkpoints();
        if (random() % 2 == 0) {
          files = move_files(std::move(files), random);
          moved = true;
          ++outcome.moves;
        }
        continue;
      }
      count_checkpoints();
      outcome.tallies = engine->store().committed().tallies;
      if (&phase == &phases.back()) outcome.lines = sorted_export(*engine);
      break;
    }
  }
  return outcome;
}

std::string first_differences(const std::vector<std::string>& right,
                              const std::vector<std::string>& got) {
  std::vector<std::string> missing, extra;
  std::set_difference(right.begin(), right.end(), got.begin(), got.end(),
                      std::back_inserter(missing));
  std::set_difference(got.begin(), got.end(), right.begin(), right.end(),
                      std::back_inserter(extra));
  if (missing.empty() && extra.empty()) return "";
  std::string text = std::to_string(missing.size()) + " right lines are not in the export, " +
                     std::to_string(extra.size()) + " lines of it are wrong\n";
  for (size_t i = 0; i < missing.size() && i < 3; ++i) text += "right: " + missing[i] + "\n";
  for (size_t i = 0; i < extra.size() && i < 3; ++i) text += "got:   " + extra[i] + "\n";
  return text;
}

}  // namespace quipu::test
