#include "source/rotated_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>

namespace quipu {
namespace {

constexpr std::string_view kSuffixes[] = {".gz", ".zst"};

constexpr int kLooks = 10;

std::string_view without_compression(std::string_view name) {
  for (std::string_view suffix : kSuffixes) {
    if (name.size() > suffix.size() && name.ends_with(suffix))
      return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// ".1", "-20260305", "_2026-03-05T10:00:00Z"
bool is_number_or_date(std::string_view text) {
  return text.size() >= 2 && text.find_first_of("-._") == 0 && is_digit(text[1]) &&
         text.find_first_not_of("0123456789-._:TZ", 1) == std::string_view::npos;
}

std::string with_digits_alike(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (!is_digit(c))
      out += c;
    else if (out.empty() || out.back() != '0')
      out += '0';
  }
  return out;
}

// False: something went away meanwhile.
Result<bool> list_into(const std::filesystem::path& log, std::vector<RotatedFile>& files) {
  std::error_code failed;
  std::filesystem::path folder = log.parent_path();
  if (folder.empty()) folder = ".";
  std::filesystem::directory_iterator entries(folder, failed);
  if (failed == std::errc::no_such_file_or_directory) return true;
  std::set<std::string> names;
  const std::string log_name = log.filename().string();
  for (; !failed && entries != std::filesystem::directory_iterator(); entries.increment(failed)) {
    std::string name = entries->path().filename().string();
    if (is_rotated_name(log_name, name)) names.insert(std::move(name));
  }
  if (failed) return Error{folder.string() + ": cannot be listed: " + failed.message()};
  for (const std::string& name : names) {
    const std::string_view plain = without_compression(name);
    if (plain.size() < name.size() && names.contains(std::string(plain))) continue;
    struct stat info {};
    const std::string path = (folder / name).string();
    if (::stat(path.c_str(), &info) != 0) return false;
    if (!S_ISREG(info.st_mode)) continue;
    files.push_back({path,
                     {uint64_t(info.st_dev), uint64_t(info.st_ino)},
                     uint64_t(info.st_size),
                     int64_t(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec});
  }
  return true;
}

// Once more if a file was renamed or compressed under our eyes.
Status list_all_into(const std::filesystem::path& log, std::vector<RotatedFile>& files) {
  for (int looks = 0; looks < kLooks; ++looks) {
    std::vector<RotatedFile> listed;
    QUIPU_ASSIGN(const bool whole, list_into(log, listed));
    if (!whole && looks + 1 < kLooks) continue;
    files.insert(files.end(), listed.begin(), listed.end());
    break;
  }
  return {};
}

}  // namespace

bool is_rotated_name(const std::string& log, const std::string& name) {
  const std::string_view plain = without_compression(name);
  if (name == log) return false;
  if (plain == log) return true;  // app.log.gz
  if (plain.starts_with(log)) {
    const std::string_view rest = plain.substr(log.size());
    if (rest == ".old" || is_number_or_date(rest)) return true;
  }
  const size_t dot = log.rfind('.');
  if (dot != std::string::npos && dot > 0) {
    const std::string_view stem = std::string_view(log).substr(0, dot);
    const std::string_view ending = std::string_view(log).substr(dot);
    if (plain.size() > log.size() && plain.starts_with(stem) && plain.ends_with(ending) &&
        is_number_or_date(plain.substr(stem.size(), plain.size() - log.size())))
      return true;
  }
  return std::any_of(log.begin(), log.end(), is_digit) &&
         with_digits_alike(without_compression(log)) == with_digits_alike(plain);
}

Result<std::vector<RotatedFile>> rotated_files_of(const std::string& path) {
  std::vector<RotatedFile> files;
  QUIPU_TRY(list_all_into(path, files));
  std::error_code failed;
  if (std::filesystem::is_symlink(path, failed)) {
    const std::filesystem::path target = std::filesystem::canonical(path, failed);
    if (!failed) QUIPU_TRY(list_all_into(target, files));
  }
  std::sort(files.begin(), files.end(),
            [](const RotatedFile& a, const RotatedFile& b) { return a.id < b.id; });
  files.erase(std::unique(files.begin(), files.end(),
                          [](const RotatedFile& a, const RotatedFile& b) { return a.id == b.id; }),
              files.end());
  // Of those of one time the larger numbers are the older: app.log.2 before app.log.1.
  std::sort(files.begin(), files.end(), [](const RotatedFile& a, const RotatedFile& b) {
    if (a.changed_ns != b.changed_ns) return a.changed_ns < b.changed_ns;
    if (a.path.size() != b.path.size()) return a.path.size() > b.path.size();
    return a.path > b.path;
  });
  if (files.size() > kMostRotatedFiles)
    files.erase(files.begin(), files.end() - long(kMostRotatedFiles));
  return files;
}

}  // namespace quipu
