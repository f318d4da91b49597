// What the tests do to a broker, by librdkafka. Reads commands from standard input, a line each,
// fields divided by tabs, and says "ok" or "error: ..." after each; status 1 at the first error.
//
// usage: kafka_tool BROKERS [--set NAME=VALUE]..
//
//   topic NAME PARTITIONS [CONFIG=VALUE]..      makes a topic
//   delete NAME                                 deletes it
//   grow NAME PARTITIONS                        gives it more partitions
//   cut NAME PARTITION OFFSET                   deletes the records before an offset
//   put NAME PARTITION VALUE [KEY [TIMESTAMP [HEADER=VALUE]..]]
//       fields with \n \t \\ \xHH; \N is none. TIMESTAMP 0: now. "ok" comes at once
//   many NAME FIRST COUNT BYTES [PARTITIONS]    records {"id":"N",...} over the partitions in turn
//   lines NAME FILE PARTITIONS                  a record for each line of a file, in turn
//   begin, commit, abort                        of a transaction (--set transactional.id=..)
//   flush                                       until all that was put is acknowledged
//   committed GROUP NAME PARTITION              says the group's offset and its metadata
#include <librdkafka/rdkafka.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr int kPatienceMs = 20'000;
using Fields = std::vector<std::string>;
using Settings = std::vector<std::pair<std::string, std::string>>;

std::string failed_delivery;

rd_kafka_t* open_client(rd_kafka_type_t type, const std::string& brokers,
                        const Settings& settings) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char message[512] = "";
  rd_kafka_conf_set(conf, "bootstrap.servers", brokers.c_str(), message, sizeof message);
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), message, sizeof message) !=
        RD_KAFKA_CONF_OK) {
      std::cout << "error: " << message << "\n";
      std::exit(1);
    }
  }
  rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
  if (type == RD_KAFKA_PRODUCER)
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* sent, void*) {
      // What was purged with an aborted transaction was not to be sent.
      if (sent->err && sent->err != RD_KAFKA_RESP_ERR__PURGE_QUEUE)
        failed_delivery = rd_kafka_err2str(sent->err);
    });
  rd_kafka_t* client = rd_kafka_new(type, conf, message, sizeof message);
  if (!client) {
    std::cout << "error: " << message << "\n";
    std::exit(1);
  }
  return client;
}

std::string text_of(rd_kafka_error_t* error) {
  if (!error) return "";
  std::string text = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  return text;
}

// Of the events that admin requests end with: the error of the first result.
std::string first_error(rd_kafka_event_t* event) {
  if (rd_kafka_event_error(event)) return rd_kafka_event_error_string(event);
  size_t count = 0;
  const rd_kafka_topic_result_t** topics = nullptr;
  if (auto* made = rd_kafka_event_CreateTopics_result(event))
    topics = rd_kafka_CreateTopics_result_topics(made, &count);
  else if (auto* deleted = rd_kafka_event_DeleteTopics_result(event))
    topics = rd_kafka_DeleteTopics_result_topics(deleted, &count);
  else if (auto* grown = rd_kafka_event_CreatePartitions_result(event))
    topics = rd_kafka_CreatePartitions_result_topics(grown, &count);
  if (count > 0 && rd_kafka_topic_result_error(topics[0]))
    return rd_kafka_topic_result_error_string(topics[0]);
  if (auto* cut = rd_kafka_event_DeleteRecords_result(event)) {
    const auto* list = rd_kafka_DeleteRecords_result_offsets(cut);
    if (list->cnt > 0 && list->elems[0].err) return rd_kafka_err2str(list->elems[0].err);
  }
  return "";
}

class Tool {
 public:
  Tool(std::string brokers, Settings settings)
      : brokers_(std::move(brokers)),
        client_(open_client(RD_KAFKA_PRODUCER, brokers_, settings)),
        queue_(rd_kafka_queue_new(client_)) {
    for (const auto& [name, value] : settings)
      if (name == "transactional.id") transactional_ = true;
  }
  ~Tool() {
    rd_kafka_queue_destroy(queue_);
    rd_kafka_destroy(client_);
  }

  // "" or an error.
  std::string run(const Fields& f) {
    if (f[0] == "topic") return make_topic(f);
    if (f[0] == "delete") return delete_topic(f[1]);
    if (f[0] == "grow") return grow(f[1], std::stoul(f[2]));
    if (f[0] == "cut") return cut(f[1], std::stoi(f[2]), std::stoll(f[3]));
    if (f[0] == "put") return put(f);
    if (f[0] == "many") return many(f);
    if (f[0] == "lines") return lines(f[1], f[2], std::stoull(f[3]));
    if (f[0] == "begin") return begin();
    if (f[0] == "commit") return text_of(rd_kafka_commit_transaction(client_, kPatienceMs));
    if (f[0] == "abort") return text_of(rd_kafka_abort_transaction(client_, kPatienceMs));
    if (f[0] == "flush") return flush();
    if (f[0] == "committed") return committed(f[1], f[2], std::stoi(f[3]));
    return "no such command: " + f[0];
  }

 private:
  std::string answer() {
    rd_kafka_event_t* event = rd_kafka_queue_poll(queue_, kPatienceMs);
    if (!event) return "no answer";
    const std::string error = first_error(event);
    rd_kafka_event_destroy(event);
    return error;
  }

  std::string make_topic(const Fields& f) {
    char message[512] = "";
    rd_kafka_NewTopic_t* topic =
        rd_kafka_NewTopic_new(f[1].c_str(), std::stoi(f[2]), 1, message, sizeof message);
    if (!topic) return message;
    for (size_t i = 3; i < f.size(); ++i) {
      const size_t at = f[i].find('=');
      rd_kafka_NewTopic_set_config(topic, f[i].substr(0, at).c_str(), f[i].substr(at + 1).c_str());
    }
    rd_kafka_CreateTopics(client_, &topic, 1, nullptr, queue_);
    rd_kafka_NewTopic_destroy(topic);
    return answer();
  }

  std::string delete_topic(const std::string& name) {
    rd_kafka_DeleteTopic_t* topic = rd_kafka_DeleteTopic_new(name.c_str());
    rd_kafka_DeleteTopics(client_, &topic, 1, nullptr, queue_);
    rd_kafka_DeleteTopic_destroy(topic);
    return answer();
  }

  std::string grow(const std::string& name, size_t partitions) {
    char message[512] = "";
    rd_kafka_NewPartitions_t* more =
        rd_kafka_NewPartitions_new(name.c_str(), partitions, message, sizeof message);
    if (!more) return message;
    rd_kafka_CreatePartitions(client_, &more, 1, nullptr, queue_);
    rd_kafka_NewPartitions_destroy(more);
    return answer();
  }

  std::string cut(const std::string& name, int32_t partition, int64_t offset) {
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, name.c_str(), partition)->offset = offset;
    rd_kafka_DeleteRecords_t* records = rd_kafka_DeleteRecords_new(list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_DeleteRecords(client_, &records, 1, nullptr, queue_);
    rd_kafka_DeleteRecords_destroy(records);
    return answer();
  }

  static bool is_none(const std::string& field) { return field == "\\N"; }
  static std::string unescaped(const std::string& field) {
    std::string out;
    for (size_t i = 0; i < field.size(); ++i) {
      if (field[i] != '\\') {
        out += field[i];
      } else if (field[++i] == 'x') {
        out += char(std::stoi(field.substr(i + 1, 2), nullptr, 16));
        i += 2;
      } else {
        out += field[i] == 'n' ? '\n' : field[i] == 't' ? '\t' : field[i];
      }
    }
    return out;
  }

  std::string send(const std::string& topic, int32_t partition, const std::string* key,
                   const std::string* value, int64_t timestamp, rd_kafka_headers_t* headers) {
    while (true) {
      const rd_kafka_resp_err_t error = rd_kafka_producev(
          client_, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
          RD_KAFKA_V_VALUE(value ? const_cast<char*>(value->data()) : nullptr,
                           value ? value->size() : 0),
          RD_KAFKA_V_KEY(key ? key->data() : nullptr, key ? key->size() : 0),
          RD_KAFKA_V_TIMESTAMP(timestamp), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
      if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) return error ? rd_kafka_err2str(error) : "";
      rd_kafka_poll(client_, 100);
    }
  }

  std::string put(const Fields& f) {
    const std::string value = unescaped(f[3]), key = f.size() > 4 ? unescaped(f[4]) : "";
    const bool has_key = f.size() > 4 && !is_none(f[4]);
    rd_kafka_headers_t* headers = f.size() > 6 ? rd_kafka_headers_new(f.size()) : nullptr;
    for (size_t i = 6; i < f.size(); ++i) {
      const size_t at = f[i].find('=');
      const std::string text = unescaped(f[i].substr(at + 1));
      rd_kafka_header_add(headers, f[i].c_str(), ssize_t(at),
                          is_none(f[i].substr(at + 1)) ? nullptr : text.data(),
                          ssize_t(text.size()));
    }
    return send(f[1], std::stoi(f[2]), has_key ? &key : nullptr, is_none(f[3]) ? nullptr : &value,
                f.size() > 5 ? std::stoll(f[5]) : 0, headers);
  }

  std::string many(const Fields& f) {
    const uint64_t first = std::stoull(f[2]), count = std::stoull(f[3]);
    const size_t bytes = std::stoul(f[4]);
    const uint64_t partitions = f.size() > 5 ? std::stoull(f[5]) : 1;
    for (uint64_t n = first; n < first + count; ++n) {
      std::string value = "{\"id\":\"" + std::to_string(n) +
                          "\",\"account\":\"acme\",\"metric\":\"Opened Email\",\"email\":\"p" +
                          std::to_string(n % 1000) + "@x.org\",\"time\":\"2026-03-" +
                          std::to_string(10 + n % 15) +
                          "T10:00:00Z\",\"properties\":{\"campaign\":\"c" + std::to_string(n % 7) +
                          "\"},\"filler\":\"";
      if (value.size() + 2 < bytes) value.append(bytes - 2 - value.size(), 'x');
      value += "\"}";
      const std::string error = send(f[1], int32_t(n % partitions), nullptr, &value, 0, nullptr);
      if (!error.empty()) return error;
      if (n % 1024 == 0) rd_kafka_poll(client_, 0);
    }
    return "";
  }

  std::string lines(const std::string& topic, const std::string& file, uint64_t partitions) {
    std::ifstream in(file);
    uint64_t n = 0;
    for (std::string line; std::getline(in, line); ++n) {
      const std::string error = send(topic, int32_t(n % partitions), nullptr, &line, 0, nullptr);
      if (!error.empty()) return error;
      if (n % 1024 == 0) rd_kafka_poll(client_, 0);
    }
    return n > 0 ? "" : file + " has no lines";
  }

  std::string begin() {
    if (transactional_ && !initialised_) {
      if (std::string e = text_of(rd_kafka_init_transactions(client_, kPatienceMs)); !e.empty())
        return e;
      initialised_ = true;
    }
    return text_of(rd_kafka_begin_transaction(client_));
  }

  std::string flush() {
    if (rd_kafka_flush(client_, kPatienceMs) != RD_KAFKA_RESP_ERR_NO_ERROR) return "not flushed";
    return std::exchange(failed_delivery, "");
  }

  std::string committed(const std::string& group, const std::string& topic, int32_t partition) {
    rd_kafka_t* reader = open_client(RD_KAFKA_CONSUMER, brokers_, {{"group.id", group}});
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic.c_str(), partition);
    const rd_kafka_resp_err_t error = rd_kafka_committed(reader, list, kPatienceMs);
    std::cout << list->elems[0].offset << " "
              << std::string(static_cast<char*>(list->elems[0].metadata),
                             list->elems[0].metadata_size)
              << "\n";
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(reader);
    return error ? rd_kafka_err2str(error) : "";
  }

  const std::string brokers_;
  rd_kafka_t* const client_;
  rd_kafka_queue_t* const queue_;
  bool transactional_ = false, initialised_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  Settings settings = {{"linger.ms", "5"}, {"enable.idempotence", "true"}};
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string text = argv[i + 1];
    settings.push_back({text.substr(0, text.find('=')), text.substr(text.find('=') + 1)});
  }
  Tool tool(argv[1], settings);
  for (std::string line; std::getline(std::cin, line);) {
    Fields fields;
    std::stringstream stream(line);
    for (std::string field; std::getline(stream, field, '\t');) fields.push_back(field);
    if (fields.empty()) continue;
    const std::string error = tool.run(fields);
    if (!error.empty()) {
      std::cout << "error: " << line << ": " << error << std::endl;
      return 1;
    }
    std::cout << "ok" << std::endl;
  }
  return 0;
}
