#include "http/response.h"

#include <utility>

#include "base/json_text.h"

namespace quipu {
namespace {

std::string_view status_text(int status) {
  static constexpr std::pair<int, std::string_view> kTexts[] = {
      {200, "OK"},
      {202, "Accepted"},
      {304, "Not Modified"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {410, "Gone"},
      {413, "Content Too Large"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {503, "Service Unavailable"},
      {505, "HTTP Version Not Supported"},
  };
  for (const auto& [code, text] : kTexts) {
    if (code == status) return text;
  }
  return "Error";
}

}  // namespace

Response error_response(int status, std::string_view text, int retry_after_s) {
  Response response;
  response.status = status;
  response.body = "{\"error\":";
  append_json_string(text, response.body);
  response.body += "}\n";
  response.retry_after = status == 503 || status == 429;
  response.retry_after_s = retry_after_s;
  return response;
}

std::string response_text(const Response& response, bool keep_alive, bool with_body) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " ";
  text += status_text(response.status);
  text += "\r\nContent-Type: ";
  text += response.content_type;
  text += "\r\n";
  if (!response.events) text += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  if (response.retry_after)
    text += "Retry-After: " + std::to_string(response.retry_after_s) + "\r\n";
  if (response.status == 401) text += "WWW-Authenticate: Bearer\r\n";
  if (response.status == 405) text += "Allow: GET, HEAD, POST\r\n";
  text += response.own_headers;
  text += response.headers;
  if (!keep_alive) text += "Connection: close\r\n";
  text += "\r\n";
  if (with_body) text += response.body;
  return text;
}

}  // namespace quipu
