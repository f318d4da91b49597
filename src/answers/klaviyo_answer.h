// Klaviyo's aggregates from quipu's counters. Names of `by`, `sort` and filters mean the plan's
// property of that name, or the one that reads /event/properties/NAME ($value_currency:
// /event/currency), as Klaviyo's door writes events (docs/clients.md). A range that cuts a bucket
// is widened to whole ones, for every measurement, and a header says so. One thread: the view's.
#pragma once

#include <string>

#include "answers/kept_answers.h"
#include "answers/prepared_view.h"
#include "http/klaviyo_aggregates.h"
#include "http/response.h"

namespace quipu {

// `view` is what prepared.now() gave. Errors are in Klaviyo's form.
Response klaviyo_answer(PreparedView& prepared, StoreView& view, KeptAnswers& kept,
                        const std::string& tenant, const KlaviyoQuestion& asked);

}  // namespace quipu
