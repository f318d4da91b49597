#include "page/page.h"

#include <string>
#include <utility>

#include "page/embedded_files.h"

namespace quipu {
namespace {

constexpr std::string_view kAssets = "/assets/", kIndex = "index.html";
constexpr std::string_view kHeaders =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src "
    "'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Cache-Control: no-cache\r\n";

std::string_view type_of(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".svg", "image/svg+xml"},
  };
  for (const auto& [end, type] : kTypes) {
    if (name.ends_with(end)) return type;
  }
  return "application/octet-stream";
}

}  // namespace

std::optional<Response> page_file(std::string_view path) {
  const std::string_view name = path == "/"                 ? kIndex
                                : path.starts_with(kAssets) ? path.substr(kAssets.size())
                                                            : "";
  for (size_t i = 0; i < kEmbeddedFileCount; ++i) {
    const EmbeddedFile& file = kEmbeddedFiles[i];
    if (file.name != name || (name == kIndex && path != "/")) continue;
    Response response;
    response.body = file.bytes;
    response.content_type = type_of(name);
    response.headers = kHeaders;
    return response;
  }
  return std::nullopt;
}

}  // namespace quipu
