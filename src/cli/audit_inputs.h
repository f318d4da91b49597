// Which inputs an audit reads: all that the store has counted, each once. Reads no input.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "source/source.h"

namespace quipu {

struct AuditedInput {
  std::string path;              // to read
  uint64_t committed_bytes = 0;  // decompressed; what is behind them was not counted
};

// positions: of all paths the store knows; several may stand at one content, which was counted
// once. The files given, in their order, and then what came by standard input, of which the store
// has a copy in the folder of its spools. Errors: a file that was not counted; those of which lines
// were counted and that are not among the ones given.
Result<std::vector<AuditedInput>> audited_inputs(const std::vector<SourcePosition>& positions,
                                                 const std::string& spool_folder,
                                                 const std::vector<std::string>& given);

}  // namespace quipu
