// The whole of a store's answers: every non-zero bucket of every counter, as JSON lines or CSV (the format is
// in docs/formats.md). Counter by counter, so memory holds one counter's buckets at a time. One thread.
#pragma once

#include <functional>
#include <string>

#include "query/view.h"

namespace quipu {

enum class ExportFormat : uint8_t { json, csv };

// Gives one line (without newline) at a time; stops when `line` returns false.
Status export_all(View& view, ExportFormat format, const std::function<bool(const std::string& line)>& line);

}  // namespace quipu
