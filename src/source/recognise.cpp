#include "source/recognise.h"

#include <algorithm>
#include <array>

namespace quipu {
namespace {

using namespace std::string_view_literals;

struct Kind {
  std::string_view begins;
  bool binary;  // only if there are control characters: text may begin like that
  const char* what;
  const char* advice;
};

constexpr char kToUtf8[] = "make it UTF-8: iconv -f UTF-16 -t UTF-8";
constexpr char kUnpack[] = "unpack it first; what quipu unpacks is .gz and .zst";
constexpr char kExport[] = "write it as JSON lines or CSV first";
constexpr std::array kKinds = {
    Kind{"\xFF\xFE\0\0"sv, false, "text in UTF-32", "make it UTF-8: iconv -f UTF-32 -t UTF-8"},
    Kind{"\0\0\xFE\xFF"sv, false, "text in UTF-32", "make it UTF-8: iconv -f UTF-32 -t UTF-8"},
    Kind{"\xFF\xFE"sv, false, "text in UTF-16", kToUtf8},
    Kind{"\xFE\xFF"sv, false, "text in UTF-16", kToUtf8},
    Kind{"PAR1"sv, true, "a Parquet file", kExport},
    Kind{"ARROW1"sv, true, "an Arrow file", kExport},
    Kind{"ORC"sv, true, "an ORC file", kExport},
    Kind{"Obj\x01"sv, false, "an Avro file", kExport},
    Kind{"SQLite format 3\0"sv, false, "an SQLite database", kExport},
    Kind{"\xD0\xCF\x11\xE0"sv, false, "an old Office document (.xls)", kExport},
    Kind{"%PDF-"sv, false, "a PDF document", kExport},
    Kind{"PK\x03\x04"sv, false, "a zip archive (an .xlsx is one, too)",
         "unpack it, or save the sheet as CSV"},
    Kind{"PK\x05\x06"sv, false, "an empty zip archive", "give the lines themselves"},
    Kind{"BZh"sv, true, "compressed by bzip2", kUnpack},
    Kind{"\xFD"
         "7zXZ\0"sv,
         false, "compressed by xz", kUnpack},
    Kind{"7z\xBC\xAF"sv, false, "a 7z archive", kUnpack},
    Kind{"\x04\x22\x4D\x18"sv, false, "compressed by lz4", kUnpack},
    Kind{"\x1F\x8B"sv, false, "compressed twice", "unpack it once"},
    Kind{"\x28\xB5\x2F\xFD"sv, false, "compressed twice", "unpack it once"}};

bool has_control(std::string_view head) {
  return std::any_of(head.begin(), head.end(), [](char c) { return uint8_t(c) < '\t'; });
}

// ASCII in UTF-16 has a zero in every other byte.
bool looks_like_utf16(std::string_view head) {
  constexpr size_t kLook = 8;
  if (head.size() < kLook) return false;
  const auto zeros = [&](size_t first) {
    for (size_t i = 0; i < kLook; ++i) {
      if ((head[i] == '\0') != (i % 2 == first)) return false;
    }
    return true;
  };
  return zeros(0) || zeros(1);
}

Error refusal(const std::string& name, const char* what, const char* advice) {
  return Error{name + ": is " + what + ", no lines of text; " + advice};
}

}  // namespace

Status check_is_text(std::string_view head, const std::string& name) {
  for (const Kind& kind : kKinds) {
    if (head.starts_with(kind.begins) && (!kind.binary || has_control(head)))
      return refusal(name, kind.what, kind.advice);
  }
  if (looks_like_utf16(head)) return refusal(name, "text in UTF-16", kToUtf8);
  constexpr size_t kTarMark = 257;
  if (head.size() > kTarMark && head.substr(kTarMark).starts_with("ustar"))
    return refusal(name, "a tar archive", "give the files in it");
  return {};
}

}  // namespace quipu
