#include "source/block_weight.h"

#include <algorithm>

namespace quipu {

size_t cut_by_weight(const Block& block, const LineWeigher* weigher, uint64_t limit,
                     uint64_t& weight) {
  weight = 0;
  if (weigher == nullptr) return block.text.size();
  weight = weigher->of_text(block.text);
  if (weight <= limit) return block.text.size();
  weight = 0;
  size_t taken = 0;
  for (BlockRecords records(block); records.next();) {
    const uint64_t of_record = weigher->of_line(records.text());
    if (taken > 0 && weight + of_record > limit) return taken;
    weight += of_record;
    taken = size_t(records.text().data() - block.text.data()) + records.text().size();
    taken = std::min(taken + 1, block.text.size());
  }
  return block.text.size();
}

}  // namespace quipu
