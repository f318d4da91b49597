#include "cli/sample_lines.h"

#include "event/decode.h"
#include "source/source.h"

namespace quipu {

Status read_sample_lines(const std::string& path,
                         const std::function<Status(const std::string&)>& header,
                         const std::function<bool(const SampleLine&)>& visit) {
  SourceOptions options;
  options.header = bool(header);
  options.max_line_bytes = kMaxLineBytes;
  auto source = open_file(path, {}, options);
  if (!source.ok()) return source.error();
  if (header) QUIPU_TRY(header((*source)->header()));
  while (true) {
    auto block = (*source)->next();
    if (!block.ok()) return block.error();
    if (block->text.empty()) return {};
    std::string_view text = block->text;
    for (uint64_t number = block->first_line; !text.empty(); ++number) {
      const size_t end = block->truncated_line ? std::string_view::npos : text.find('\n');
      if (!visit({text.substr(0, end), number, block->truncated_line})) return {};
      if (end == std::string_view::npos) break;
      text.remove_prefix(end + 1);
    }
  }
}

}  // namespace quipu
