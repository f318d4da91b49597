// Which inputs an audit reads: all that the store has counted, each once. Reads none of them but
// the end of a journal, to see how far it is whole.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "source/source.h"

namespace quipu {

struct AuditedInput {
  std::string path;              // to read
  uint64_t committed_bytes = 0;  // decompressed; what is behind them was not counted
  uint64_t file_bytes = 0;       // read no more of it, since it is being written; 0: all
  uint64_t least_bytes = 0;      // decompressed: there must be so many
};

// positions: of all paths the store knows; several may stand at one content, which was counted
// once. The files given, in their order, then what came by standard input, and what a server took
// in: the data folder has copies of both, if the journal is kept. Errors: a file that was not
// counted; those of which lines were counted and that are not among the ones given; a journal of
// which a part is gone; topics of Kafka, which are not recounted.
Result<std::vector<AuditedInput>> audited_inputs(const std::vector<SourcePosition>& positions,
                                                 const std::string& data_folder,
                                                 const std::vector<std::string>& given);
Result<std::unique_ptr<Source>> open_audited(const AuditedInput& input,
                                             const SourceOptions& options);

}  // namespace quipu
