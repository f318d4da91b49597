#include "page/page.h"

#include <string>
#include <utility>

#include "page/embedded_files.h"

namespace quipu {
namespace {

constexpr std::string_view kAssets = "/assets/", kIndex = "index.html";
constexpr std::string_view kOpenApi = "openapi.json", kOpenApiPath = "/v1/openapi.json";
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
      {".json", "application/json"},
  };
  for (const auto& [end, type] : kTypes) {
    if (name.ends_with(end)) return type;
  }
  return "application/octet-stream";
}

}  // namespace

std::optional<Response> page_file(std::string_view path) {
  const bool asset = path.starts_with(kAssets);
  const std::string_view name = path == "/"            ? kIndex
                                : path == kOpenApiPath ? kOpenApi
                                : asset                ? path.substr(kAssets.size())
                                                       : "";
  for (size_t i = 0; i < kEmbeddedFileCount; ++i) {
    const EmbeddedFile& file = kEmbeddedFiles[i];
    if (file.name != name || (asset && (name == kIndex || name == kOpenApi))) continue;
    Response response;
    response.body = file.bytes;
    response.content_type = type_of(name);
    response.headers = kHeaders;
    return response;
  }
  return std::nullopt;
}

}  // namespace quipu
