// The model of the disk: flipped bytes, torn and truncated files, a full disk, other versions. What
// must hold: a clear error, or everything right; never a wrong answer, never a lost acknowledged
// commit.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "store/families.h"
#include "store/state.h"
#include "store/store_impl.h"
#include "store/store_model.h"

namespace quipu {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr uint64_t kSeed = 11;

int rounds(int usual) {
  const char* more = std::getenv("QUIPU_STORE_DAMAGE_ROUNDS");
  return more ? std::atoi(more) : usual;
}

// With few files no compaction starts at each open, which would find the damage and then sleep a
// second.
int commits_at_usual_rounds() { return std::getenv("QUIPU_STORE_DAMAGE_ROUNDS") ? 7 : 3; }

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), std::streamsize(bytes.size()));
}

// A closed store with commits of both ways: some in the log, some in files.
StoreModel make_store(const std::string& folder, int commits) {
  StoreModel model;
  auto store = Store::open(folder, test_options());
  EXPECT_TRUE(store.ok()) << store.error().message;
  for (int i = 0; i < commits; ++i)
    EXPECT_TRUE((*store)->commit(model.next(kSeed, TestWay::mixed)).ok());
  return model;
}

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.file_size() > 0)
      names.push_back(fs::relative(entry.path(), folder).string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Damages one file of a fresh copy and looks: "" if the store then says so or is whole.
class Damage {
 public:
  explicit Damage(const std::string& original, const StoreModel& model)
      : original_(original), model_(model) {}

  std::string judge(const std::string& name, const std::function<void(std::string&)>& harm) {
    TestFolder folder;
    const std::string copy = folder / "data";
    fs::copy(original_, copy, fs::copy_options::recursive);
    std::string bytes = read_file(copy + "/" + name);
    harm(bytes);
    write_file(copy + "/" + name, bytes);

    auto store = Store::open(copy, test_options(false));
    if (!store.ok()) {
      ++errors;
      return store.error().message.size() > 20 ? "" : "no clear message: " + store.error().message;
    }
    const std::string difference = model_.difference(**store);
    if (difference.empty()) {
      ++whole;
      return "";
    }
    // A read error names the damage; a difference in contents is a wrong answer.
    if (difference.find("damaged") != std::string::npos ||
        difference.find("cannot be read") != std::string::npos) {
      ++errors;
      return "";
    }
    return difference;
  }

  int errors = 0, whole = 0;

 private:
  const std::string original_;
  const StoreModel& model_;
};

TEST(StoreDamage, AFlippedBitIsAnErrorOrDoesNoHarm) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  TestFolder folder;
  const StoreModel model = make_store(folder / "data", commits_at_usual_rounds());
  const std::vector<std::string> files = files_in(folder / "data");
  Damage damage(folder / "data", model);
  for (int i = 0; i < rounds(40); ++i) {
    const std::string& name = files[size_t(i) % files.size()];
    size_t at = 0;
    const int bit = int(random() % 8);
    const std::string wrong = damage.judge(name, [&](std::string& bytes) {
      at = random() % bytes.size();
      bytes[at] = char(bytes[at] ^ (1 << bit));
    });
    ASSERT_EQ(wrong, "") << name << ", byte " << at << ", bit " << bit;
  }
  EXPECT_GT(damage.errors, 0);
}

TEST(StoreDamage, ATruncatedFileIsAnErrorOrDoesNoHarm) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  TestFolder folder;
  const StoreModel model = make_store(folder / "data", commits_at_usual_rounds());
  const std::vector<std::string> files = files_in(folder / "data");
  Damage damage(folder / "data", model);
  for (int i = 0; i < rounds(25); ++i) {
    const std::string& name = files[size_t(i) % files.size()];
    size_t left = 0;
    const std::string wrong = damage.judge(
        name, [&](std::string& bytes) { bytes.resize(left = random() % bytes.size()); });
    ASSERT_EQ(wrong, "") << name << ", cut to " << left;
  }
  EXPECT_GT(damage.errors, 0);
}

TEST(StoreDamage, AMissingFileIsAnErrorOrDoesNoHarm) {
  TestFolder folder;
  const StoreModel model = make_store(folder / "data", 7);
  for (const std::string& name : files_in(folder / "data")) {
    const std::string copy = folder / "copy";
    fs::copy(folder / "data", copy, fs::copy_options::recursive);
    fs::remove(copy + "/" + name);
    for (bool create : {false, true}) {
      auto store = Store::open(copy, test_options(create));
      if (store.ok()) {
        EXPECT_EQ(model.difference(**store), "") << name;
      } else {
        EXPECT_THAT(store.error().message, HasSubstr("damaged")) << name;
      }
    }
    fs::remove_all(copy);
  }
}

std::string newest_log(const std::string& folder) {
  std::string newest;
  for (const std::string& name : files_in(folder)) {
    if (name.ends_with(".log") && name > newest) newest = name;
  }
  return folder + "/" + newest;
}

TEST(StoreDamage, AnAcknowledgedCommitThatTheLogLostIsAnError) {
  TestFolder folder;
  StoreModel model;
  {
    auto store = Store::open(folder / "data", test_options());
    for (int i = 0; i < 3; ++i)
      ASSERT_TRUE((*store)->commit(model.next(kSeed, TestWay::batch)).ok());
  }
  const std::string log = newest_log(folder / "data");
  std::string bytes = read_file(log);
  bytes.resize(bytes.size() - 5);
  write_file(log, bytes);
  for (int i = 0; i < 2; ++i) {
    auto store = Store::open(folder / "data", test_options(false));
    ASSERT_FALSE(store.ok()) << "open number " << i + 1;
    EXPECT_THAT(store.error().message, HasSubstr("has lost checkpoint 3"));
    EXPECT_THAT(store.error().message, HasSubstr("it continues from checkpoint 2"));
  }
  fs::remove(folder / "data/committed");  // the way out that the message names
  auto store = Store::open(folder / "data", test_options(false));
  ASSERT_TRUE(store.ok()) << store.error().message;
  StoreModel before;
  for (int i = 0; i < 2; ++i) before.next(kSeed, TestWay::batch);
  EXPECT_EQ(before.difference(**store), "");
}

TEST(StoreDamage, ATornTailThatWasNotAcknowledgedIsDropped) {
  for (bool scrambled : {false, true}) {
    TestFolder folder;
    StoreModel model;
    std::string mark_before;
    {
      auto store = Store::open(folder / "data", test_options());
      for (int i = 0; i < 3; ++i) {
        mark_before = read_file(folder / "data/committed");
        ASSERT_TRUE((*store)->commit(model.next(kSeed, TestWay::batch)).ok());
      }
    }
    // As if the power had failed before the third commit was synced.
    write_file(folder / "data/committed", mark_before);
    const std::string log = newest_log(folder / "data");
    std::string bytes = read_file(log);
    if (scrambled) {
      std::fill(bytes.end() - 300, bytes.end() - 100, '\0');
    } else {
      bytes.resize(bytes.size() - 5);
    }
    write_file(log, bytes);
    auto store = Store::open(folder / "data", test_options(false));
    ASSERT_TRUE(store.ok()) << store.error().message;
    StoreModel expected;
    for (int i = 0; i < 2; ++i) expected.next(kSeed, TestWay::batch);
    EXPECT_EQ(expected.difference(**store), "");
    ASSERT_TRUE((*store)->commit(expected.next(kSeed, TestWay::batch)).ok());
    EXPECT_EQ(expected.difference(**store), "");
  }
}

// Opens the store's RocksDB by itself, to put into it what quipu never would.
void tamper(
    const std::string& folder,
    const std::function<void(rocksdb::DB&, std::vector<rocksdb::ColumnFamilyHandle*>&)>& change) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families{{rocksdb::kDefaultColumnFamilyName, {}}};
  for (Family f : kAllFamilies)
    families.emplace_back(family_name(f), family_options(f, nullptr, 1 << 20, FileSize::any));
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  rocksdb::Status opened = rocksdb::DB::Open({}, folder + "/db", families, &handles, &db);
  ASSERT_TRUE(opened.ok()) << opened.ToString();
  change(*db, handles);
  for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
  delete db;
}

TEST(StoreDamage, AFamilyThatLostOrRepeatedACommitIsAnError) {
  for (uint64_t commits : {2, 4}) {
    TestFolder folder;
    make_store(folder / "data", 3);
    tamper(folder / "data", [&](rocksdb::DB& db, auto& handles) {
      const rocksdb::Slice key(kCommitsKey.data(), kCommitsKey.size());
      ASSERT_TRUE(
          db.Put({}, handles[1 + size_t(Family::records)], key, encode_commits(commits)).ok());
    });
    auto store = Store::open(folder / "data", test_options(false));
    ASSERT_FALSE(store.ok());
    EXPECT_THAT(store.error().message,
                HasSubstr("family records holds " + std::to_string(commits) + " of the 3 commits"));
  }
}

// Without the counts of commits this one would go unseen: the log's newer batch says that all is
// well.
TEST(StoreDamage, AnIngestThatTheManifestLostUnderALaterBatchIsAnError) {
  TestFolder folder;
  StoreModel model;
  std::string manifest;
  uintmax_t before = 0;
  {
    auto store = Store::open(folder / "data", test_options());
    for (const std::string& name : files_in(folder / "data")) {
      if (name.starts_with("db/MANIFEST")) manifest = folder / ("data/" + name);
    }
    ASSERT_TRUE((*store)->commit(model.next(kSeed, TestWay::files)).ok());
    before = fs::file_size(manifest);
    ASSERT_TRUE((*store)->commit(model.next(kSeed, TestWay::files)).ok());
    ASSERT_TRUE((*store)->commit(model.next(kSeed, TestWay::batch)).ok());
  }
  ASSERT_GT(fs::file_size(manifest), before);
  fs::resize_file(manifest, before);
  auto store = Store::open(folder / "data", test_options(false));
  ASSERT_FALSE(store.ok());
  EXPECT_THAT(store.error().message, HasSubstr("holds 2 of the 3 commits up to checkpoint 3"));
}

TEST(StoreDamage, AnotherVersionIsRefusedWithTheWayOut) {
  TestFolder folder;
  make_store(folder / "data", 1);
  tamper(folder / "data", [](rocksdb::DB& db, auto& handles) {
    StoreFormat format;
    format.version = kStoreVersion + 1;
    const rocksdb::Slice key(kFormatKey.data(), kFormatKey.size());
    ASSERT_TRUE(
        db.Put({}, handles[1 + size_t(Family::meta)], key, encode_format(format) + "and more")
            .ok());
  });
  auto store = Store::open(folder / "data", test_options(false));
  ASSERT_FALSE(store.ok());
  EXPECT_THAT(store.error().message,
              HasSubstr("is of version " + std::to_string(kStoreVersion + 1) +
                        ", this quipu reads version " + std::to_string(kStoreVersion)));

  TestFolder other;
  make_store(other / "data", 1);
  tamper(other / "data", [](rocksdb::DB& db, auto& handles) {
    handles.emplace_back();
    ASSERT_TRUE(db.CreateColumnFamily({}, "later", &handles.back()).ok());
  });
  store = Store::open(other / "data", test_options(false));
  ASSERT_FALSE(store.ok());
  EXPECT_THAT(store.error().message, HasSubstr("another version of quipu"));
}

TEST(StoreDamage, CodesThatHaveAGapAreAnError) {
  TestFolder folder;
  make_store(folder / "data", 3);
  tamper(folder / "data", [](rocksdb::DB& db, auto& handles) {
    ASSERT_TRUE(db.Put({}, handles[1 + size_t(Family::meta)], codes_key(1000),
                       encode_hashes(std::vector<uint64_t>{~uint64_t(0)}))
                    .ok());
  });
  auto store = Store::open(folder / "data", test_options(false));
  ASSERT_FALSE(store.ok());
  EXPECT_THAT(store.error().message, HasSubstr("the codes of elements cannot be read"));
}

// What a thread in the background found is told by the next commit.
TEST(StoreDamage, AListOfProfilesThatCannotBeReadEndsTheRun) {
  TestFolder folder;
  StoreModel model = make_store(folder / "data", 3);
  tamper(folder / "data", [](rocksdb::DB& db, auto& handles) {
    ASSERT_TRUE(db.Put({}, handles[1 + size_t(Family::meta)], profiles_key(1), "no list").ok());
  });
  StoreOptions options = test_options(false);
  options.filter_bytes = 1 << 20;
  auto store = Store::open(folder / "data", options);
  ASSERT_TRUE(store.ok()) << store.error().message;
  std::string message;
  for (int tries = 0; message.empty() && tries < 1000; ++tries) {
    auto done = (*store)->commit(model.next(kSeed, TestWay::batch));
    if (!done.ok()) message = done.error().message;
  }
  EXPECT_THAT(message, HasSubstr("damaged"));
}

TEST(StoreDamage, AHalfMadeStoreIsMadeAgainOrIsNone) {
  TestFolder folder;
  fs::create_directories(folder / "data");
  {
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(options, folder / "data/db", &db).ok());
    delete db;
  }
  auto store = Store::open(folder / "data", test_options(false));
  ASSERT_FALSE(store.ok());
  EXPECT_THAT(store.error().message, HasSubstr("no store in"));
  store = Store::open(folder / "data", test_options());
  ASSERT_TRUE(store.ok()) << store.error().message;
  EXPECT_TRUE((*store)->commit(StoreModel().next(1, TestWay::files)).ok());
}

// A folder that is a small file system while this lives, if one may be mounted here.
struct SmallDisk {
  SmallDisk(const std::string& folder, const char* size) : path(folder) {
    mounted = ::mount("quipu_test", path.c_str(), "tmpfs", 0, size) == 0;
  }
  ~SmallDisk() {
    if (mounted) ::umount2(path.c_str(), MNT_DETACH);
  }
  std::string path;
  bool mounted = false;
};

TEST(Disk, WithTooLittleRoomNoCheckpointBegins) {
  TestFolder folder;
  SmallDisk disk(folder.path(), "size=32m");
  if (!disk.mounted)
    GTEST_SKIP() << "a small file system cannot be mounted here: " << std::strerror(errno);
  StoreModel model;
  auto store = Store::open(folder / "data", test_options());
  ASSERT_TRUE(store.ok()) << store.error().message;
  ASSERT_TRUE((*store)->commit(model.next(kSeed, TestWay::files)).ok());
  const StoreModel committed = model;
  write_file(folder / "ballast", std::string(20 << 20, 'x'));
  auto refused = (*store)->commit(model.next(kSeed, TestWay::files));
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("too little space"));
  EXPECT_THAT(refused.error().message, HasSubstr("it continues from checkpoint 1"));
  EXPECT_EQ(committed.difference(**store), "");
  // What the checkpoint itself needs counts, too.
  fs::remove(folder / "ballast");
  CheckpointWrite large = StoreModel(committed).next(kSeed, TestWay::files);
  large.expected_bytes = 16 << 20;
  EXPECT_FALSE((*store)->commit(std::move(large)).ok());
  StoreModel next = committed;
  ASSERT_TRUE((*store)->commit(next.next(kSeed, TestWay::files)).ok());
  EXPECT_EQ(next.difference(**store), "");
}

class FullDisk : public testing::TestWithParam<TestWay> {};

TEST_P(FullDisk, IsAClearErrorAndTheLastCheckpointStays) {
  TestFolder folder;
  SmallDisk disk(folder.path(), "size=40m");
  if (!disk.mounted)
    GTEST_SKIP() << "a small file system cannot be mounted here: " << std::strerror(errno);
  const auto check_nothing_before = [](StoreImpl& store) { store.writer().spare_disk_bytes = 0; };
  write_file(folder / "ballast", std::string(32 << 20, 'x'));

  StoreModel model, committed;
  {
    auto store = StoreImpl::open(folder / "data", test_options());
    ASSERT_TRUE(store.ok()) << store.error().message;
    check_nothing_before(**store);
    std::string message;
    while (model.checkpoint < 1000 && message.empty()) {
      committed = model;
      CheckpointWrite write = model.next(kSeed, GetParam());
      RecordKey large;  // behind all others
      large.month = kForever;
      large.tenant = TenantId(9);
      large.profile.hi = model.checkpoint;
      std::string bytes, key;
      std::mt19937_64 random(model.checkpoint);  // nothing that compresses
      for (int i = 0; i < 40'000; ++i) ByteWriter(bytes).le64(random());
      large.append_to(key);
      model.records[key] = bytes;
      write.records = [others = std::move(write.records), large, bytes](
                          ElementCodes& codes, const RecordSink& sink) -> Status {
        QUIPU_TRY(others(codes, sink));
        return sink(large, bytes, RecordWrite::first);
      };
      auto stats = (*store)->commit(std::move(write));
      if (!stats.ok()) message = stats.error().message;
    }
    EXPECT_THAT(message, HasSubstr("no space left on device"));
    EXPECT_THAT(message,
                HasSubstr("it continues from checkpoint " + std::to_string(committed.checkpoint)));
    EXPECT_GT(committed.checkpoint, 3u);
    EXPECT_EQ(committed.difference(**store), "") << "what was committed can still be read";
  }
  fs::remove(folder / "ballast");
  auto store = StoreImpl::open(folder / "data", test_options(false));
  ASSERT_TRUE(store.ok()) << store.error().message;
  EXPECT_EQ(committed.difference(**store), "");
  check_nothing_before(**store);
  auto continued = (*store)->commit(committed.next(kSeed, GetParam()));
  ASSERT_TRUE(continued.ok()) << continued.error().message;
  EXPECT_EQ(committed.difference(**store), "");
}

INSTANTIATE_TEST_SUITE_P(InEachWay, FullDisk, testing::Values(TestWay::batch, TestWay::files),
                         [](const auto& info) {
                           return info.param == TestWay::batch ? "batch" : "files";
                         });

}  // namespace
}  // namespace quipu
