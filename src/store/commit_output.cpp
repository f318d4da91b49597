#include "store/commit_output.h"

#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "store/database.h"

namespace quipu {
namespace {

using rocksdb::Slice;

Slice slice(std::string_view bytes) { return Slice(bytes.data(), bytes.size()); }

Status status_of(const Database& database, const rocksdb::Status& status) {
  if (__builtin_expect(status.ok(), 1)) return {};
  return database.error(status);
}

class BatchOutput final : public CommitOutput {
 public:
  explicit BatchOutput(const Database& database) : database_(database) {}
  Result<std::unique_ptr<FamilyOutput>> begin(Family family) override {
    return std::unique_ptr<FamilyOutput>(std::make_unique<Rows>(database_, batch_, family));
  }
  Status write() override {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    return status_of(database_, database_.db()->Write(synced, &batch_));
  }

 private:
  class Rows final : public FamilyOutput {  // one thread fills all families
   public:
    Rows(const Database& database, rocksdb::WriteBatch& batch, Family family)
        : database_(database), batch_(batch), handle_(database.family(family)) {}
    Status merge(std::string_view key, std::string_view value) override {
      return status_of(database_, batch_.Merge(handle_, slice(key), slice(value)));
    }
    Status put(std::string_view key, std::string_view value) override {
      return status_of(database_, batch_.Put(handle_, slice(key), slice(value)));
    }
    Status end() override { return {}; }

   private:
    const Database& database_;
    rocksdb::WriteBatch& batch_;
    rocksdb::ColumnFamilyHandle* const handle_;
  };

  const Database& database_;
  rocksdb::WriteBatch batch_;
};

class FileOutput final : public CommitOutput {
 public:
  explicit FileOutput(const Database& database) : database_(database) {}
  ~FileOutput() override {
    for (const auto& arg : files_)
      ::unlink(arg.external_files[0].c_str());  // moved away if all went well
  }
  Result<std::unique_ptr<FamilyOutput>> begin(Family family) override {
    rocksdb::IngestExternalFileArg arg;
    arg.column_family = database_.family(family);
    arg.external_files = {database_.path("ingest/") + family_name(family) + ".sst"};
    arg.options.move_files = true;
    arg.options.snapshot_consistency = true;
    arg.options.allow_global_seqno = true;
    arg.options.allow_blocking_flush = true;
    arg.options.write_global_seqno = false;
    files_.push_back(arg);
    auto file = std::make_unique<Rows>(database_, family);
    QUIPU_TRY(file->open(arg.external_files[0]));
    return std::unique_ptr<FamilyOutput>(std::move(file));
  }
  Status write() override {
    return status_of(database_, database_.db()->IngestExternalFiles(files_));
  }

 private:
  class Rows final : public FamilyOutput {
   public:
    Rows(const Database& database, Family family)
        : database_(database),
          writer_(rocksdb::EnvOptions(database.options(family)), database.options(family),
                  database.family(family), /*invalidate_page_cache=*/false) {}
    Status open(const std::string& path) { return status_of(database_, writer_.Open(path)); }
    Status merge(std::string_view key, std::string_view value) override {
      return status_of(database_, writer_.Merge(slice(key), slice(value)));
    }
    Status put(std::string_view key, std::string_view value) override {
      return status_of(database_, writer_.Put(slice(key), slice(value)));
    }
    Status end() override { return status_of(database_, writer_.Finish()); }  // syncs the file

   private:
    const Database& database_;
    rocksdb::SstFileWriter writer_;
  };

  const Database& database_;
  std::vector<rocksdb::IngestExternalFileArg> files_;
};

}  // namespace

std::unique_ptr<CommitOutput> make_batch_output(const Database& database) {
  return std::make_unique<BatchOutput>(database);
}

std::unique_ptr<CommitOutput> make_file_output(const Database& database) {
  return std::make_unique<FileOutput>(database);
}

}  // namespace quipu
