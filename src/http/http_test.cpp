#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "http/api_keys.h"
#include "http/event_lines.h"
#include "http/request_reader.h"

namespace quipu {
namespace {

constexpr const char* kHost = "Host: x\r\n";

// The reader after the bytes came one by one.
RequestReader read_slowly(const std::string& bytes) {
  RequestReader reader;
  for (const char c : bytes) reader.feed(std::string_view(&c, 1));
  return reader;
}
RequestReader read_with(const std::string& headers, const std::string& body = "") {
  return read_slowly("POST /v1/events?a=b HTTP/1.1\r\n" + headers + "\r\n" + body);
}

TEST(RequestReader, reads_a_body_by_length_and_leaves_what_follows) {
  RequestReader reader;
  const std::string one =
      "POST /p?q=1 HTTP/1.1\r\nHost: x\r\nX-A:  b c \r\nContent-Length: 3\r\n\r\nabc";
  EXPECT_EQ(reader.feed(one + "GET"), one.size());
  ASSERT_TRUE(reader.done());
  EXPECT_EQ(reader.request().path, "/p");
  EXPECT_EQ(reader.request().query, "q=1");
  EXPECT_EQ(*reader.request().header("x-a"), "b c");
  EXPECT_EQ(reader.request().body, "abc");
}

TEST(RequestReader, reads_chunks) {
  auto reader = read_with(std::string(kHost) + "Transfer-Encoding: chunked\r\n",
                          "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: v\r\n\r\n");
  ASSERT_TRUE(reader.done());
  EXPECT_EQ(reader.request().body, "abcdefg");
}

TEST(RequestReader, refuses_what_two_programs_could_read_in_two_ways) {
  const std::string host = kHost;
  for (const std::string& headers :
       {std::string(), host + host, host + "Transfer-Encoding: xchunked\r\n",
        host + "Transfer-Encoding: chunked, identity\r\n",
        host + "Transfer-Encoding: gzip, chunked\r\n",
        host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        host + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
        host + "Content-Length: 1\r\nContent-Length: 1\r\n", host + "Content-Length: 1, 1\r\n",
        host + "Content-Length: +1\r\n", host + "Content-Length: 0x1\r\n",
        host + "Content-Length:\r\n", host + "Content-Length : 1\r\n", host + "X: a\r\n b\r\n",
        host + "X: a\n", host + "X: a\rb\r\n", host + "no colon\r\n", host + ": no name\r\n"}) {
    auto reader = read_with(headers);
    EXPECT_TRUE(reader.bad()) << headers;
    EXPECT_EQ(reader.status(), 400) << headers;
  }
  for (const char* chunks : {"x\r\n", "\r\n", "-1\r\n", "1\r\nab\r\n", "1\na\r\n"}) {
    auto reader = read_with(std::string(kHost) + "Transfer-Encoding: chunked\r\n", chunks);
    EXPECT_TRUE(reader.bad()) << chunks;
  }
  for (const char* line : {"GET  / HTTP/1.1", "GET /", "GET http://x/ HTTP/1.1", "G@T / HTTP/1.1",
                           "GET /a b HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/2.0"})
    EXPECT_TRUE(read_slowly(std::string(line) + "\r\nHost: x\r\n\r\n").bad()) << line;
}

TEST(RequestReader, holds_its_bounds) {
  EXPECT_EQ(read_slowly(std::string(kMaxHeadBytes + 1, 'a')).status(), 431);
  std::string many = kHost;
  for (size_t i = 0; i < kMaxHeaders; ++i) many += "a:\r\n";
  EXPECT_EQ(read_with(many).status(), 431);
  const auto length = [](size_t n) {
    return read_with(std::string(kHost) + "Content-Length: " + std::to_string(n) + "\r\n");
  };
  EXPECT_FALSE(length(kMaxBodyBytes).bad());
  EXPECT_EQ(length(kMaxBodyBytes + 1).status(), 413);
  EXPECT_EQ(
      read_with(std::string(kHost) + "Transfer-Encoding: chunked\r\n", "fffffff\r\n").status(),
      413);
}

TEST(RequestReader, says_continue_once_and_only_if_a_body_is_to_come) {
  auto reader = read_with(std::string(kHost) + "Expect: 100-continue\r\nContent-Length: 2\r\n");
  EXPECT_TRUE(reader.take_continue());
  EXPECT_FALSE(reader.take_continue());
  EXPECT_FALSE(read_with(std::string(kHost) + "Expect: 100-continue\r\n").take_continue());
  EXPECT_EQ(read_with(std::string(kHost) + "Expect: more\r\n").status(), 417);
}

TEST(EventLines, takes_lines_and_arrays_apart) {
  const auto texts = [](std::string_view body) {
    const auto events = split_events(body);
    return events.ok() ? *events : std::vector<std::string_view>{"refused"};
  };
  using Texts = std::vector<std::string_view>;
  EXPECT_EQ(texts("{}\r\n\n {\"a\":1} "), (Texts{"{}", "{\"a\":1}"}));
  EXPECT_EQ(texts(" [ {\"a\":\"],[\"} , [1,2],3 ]\n"), (Texts{"{\"a\":\"],[\"}", "[1,2]", "3"}));
  EXPECT_EQ(texts("[]"), Texts{});
  EXPECT_EQ(texts(""), Texts{});
  for (const char* body : {"[", "[{}", "[{}]]", "[{}}", "[\"a", "[{}] {}"})
    EXPECT_EQ(texts(body), Texts{"refused"}) << body;
}

TEST(EventLines, an_event_is_one_object_and_nothing_else) {
  for (const char* good : {"{}", R"({"a":[{"b":"}"}],"c":"\"}"})"})
    EXPECT_EQ(why_no_object(good), "") << good;
  for (const char* bad : {"", "1", "[]", "{", "{}}", "{},{}", R"({"a":1},"tenant":"b")", "{]",
                          "{[}]", "{\"a", "{\"a\\", "{\"a\\\"}", "{\"a\nb\":1}"})
    EXPECT_NE(why_no_object(bad), "") << bad;
}

TEST(EventLines, a_line_is_the_envelope_and_the_event_as_it_came) {
  std::string line;
  append_wrapped(envelope_head({1772720400123, "k7", "a\"c"}), "{\n\"a\": 1.0}", line);
  EXPECT_EQ(line,
            "{\"received\":\"2026-03-05T14:20:00.123Z\",\"door\":\"http\",\"key\":\"k7\","
            "\"tenant\":\"a\\\"c\",\"event\":{ \"a\": 1.0}}\n");
}

TEST(ApiKeys, are_shown_once_and_kept_as_hashes) {
  std::string folder = (std::filesystem::temp_directory_path() / "quipu-keys-XXXXXX").string();
  ASSERT_TRUE(::mkdtemp(folder.data()));
  const std::string path = folder + "/keys";
  auto keys = ApiKeys::open(path);
  ASSERT_TRUE(keys.ok());
  const std::string one = *keys->add("acme", true, false), two = *keys->add({}, true, true);
  auto again = ApiKeys::open(path);
  ASSERT_TRUE(again.ok());
  ASSERT_TRUE(again->find(one));
  EXPECT_EQ(again->find(one)->tenant, "acme");
  EXPECT_FALSE(again->find(two)->tenant);
  EXPECT_FALSE(again->find(one + "0"));
  EXPECT_FALSE(again->find(""));
  EXPECT_FALSE(keys->add("a\tb\nk9", true, false).ok());
  ASSERT_TRUE(keys->revoke("k1").ok());
  EXPECT_TRUE(again->find(one));
  ASSERT_TRUE(again->reload_if_changed().ok());
  EXPECT_FALSE(again->find(one));
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_FALSE(ApiKeys::open(path).ok());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace quipu
