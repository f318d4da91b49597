#include "cli/sample_lines.h"

namespace quipu {

Status read_sample_lines(const std::string& path, const SourceOptions& options,
                         const std::function<Status(const std::string&)>& header,
                         const std::function<bool(const SampleLine&)>& visit) {
  auto source = open_file(path, {}, options);
  if (!source.ok()) return source.error();
  if (options.header) QUIPU_TRY(header((*source)->header()));
  while (true) {
    auto block = (*source)->next();
    if (!block.ok()) return block.error();
    if (block->text.empty()) return {};
    for (BlockRecords records(*block); records.next();) {
      if (!visit({records.text(), records.line(), block->truncated_line})) return {};
    }
  }
}

}  // namespace quipu
