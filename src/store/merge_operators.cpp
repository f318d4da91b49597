#include <rocksdb/merge_operator.h>

#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "cells/cell_rows.h"
#include "store/families.h"
#include "store/names.h"

namespace quipu {

std::string encode_commits(uint64_t commits) {
  std::string bytes;
  ByteWriter(bytes).le64(commits);
  return bytes;
}

bool decode_commits(std::string_view bytes, uint64_t& commits) {
  ByteReader r(bytes);
  commits = r.le64();
  return r.ok() && r.done();
}

namespace {

std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// Merges the values of one key, oldest first; false on corrupt bytes: the read or compaction then
// fails.
bool merge_values(Family family, std::string_view key, std::span<const std::string_view> values,
                  std::string& out) {
  if (key == kCommitsKey) {
    uint64_t sum = 0;
    for (std::string_view value : values) {
      uint64_t commits;
      if (!decode_commits(value, commits)) return false;
      sum += commits;
    }
    out = encode_commits(sum);
    return true;
  }
  switch (family) {
    case Family::cells: {
      auto merged = merge_rows(key, values);
      if (!merged) return false;
      out = std::move(*merged);
      return true;
    }
    case Family::records: {
      size_t bytes = 0;
      for (std::string_view value : values) bytes += value.size();
      out.clear();  // iterators hand in what they merged last
      out.reserve(bytes);
      for (std::string_view value : values) out.append(value);
      return true;
    }
    case Family::names: {
      auto merged = merge_names(values);
      if (!merged) return false;
      out = std::move(*merged);
      return true;
    }
    case Family::meta:
      return false;
  }
  CHECK(false);
}

class FamilyMerge final : public rocksdb::MergeOperator {
 public:
  explicit FamilyMerge(Family family)
      : family_(family), name_(std::string("quipu.") + family_name(family)) {}

  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override {
    const size_t count = in.operand_list.size() + (in.existing_value ? 1 : 0);
    if (count == 1) {  // nothing to merge with; whoever reads the value checks its bytes
      out->existing_operand = in.existing_value ? *in.existing_value : in.operand_list.front();
      return true;
    }
    std::vector<std::string_view> values;
    values.reserve(count);
    if (in.existing_value) values.push_back(view(*in.existing_value));
    for (const rocksdb::Slice& operand : in.operand_list) values.push_back(view(operand));
    return merge_values(family_, view(in.key), values, out->new_value);
  }

  // A failure here only leaves the operands as they are: FullMergeV2 will report it.
  bool PartialMergeMulti(const rocksdb::Slice& key, const std::deque<rocksdb::Slice>& operands,
                         std::string* out, rocksdb::Logger*) const override {
    std::vector<std::string_view> values;
    values.reserve(operands.size());
    for (const rocksdb::Slice& operand : operands) values.push_back(view(operand));
    return merge_values(family_, view(key), values, *out);
  }

  const char* Name() const override { return name_.c_str(); }

 private:
  const Family family_;
  const std::string name_;
};

}  // namespace

std::shared_ptr<rocksdb::MergeOperator> merge_operator(Family family) {
  return std::make_shared<FamilyMerge>(family);
}

}  // namespace quipu
