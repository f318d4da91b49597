// What the routes that read answer, from a view of the store. One thread: the view's.
#pragma once

#include <string>
#include <vector>

#include "answers/kept_answers.h"
#include "answers/prepared_view.h"
#include "http/read_routes.h"
#include "http/response.h"
#include "query/view.h"

namespace quipu {

inline constexpr size_t kMaxValuesGiven = 1000;  // of /v1/dimensions/PROPERTY/values
inline constexpr size_t kValuesGiven = 50;       // without a limit
inline constexpr size_t kTenantsGiven = 200;     // of /v1/tenants; a prefix leads to the others

// `view` is what prepared.now() gave. Of every route but that of the status. Names of other tenants
// are neither told nor hinted at.
Response read_answer(PreparedView& prepared, StoreView& view, KeptAnswers& kept,
                     const ReadRequest& asked);
// `view` is nullptr before the first checkpoint; `members` are those that others add.
Response status_answer(StoreView* view, const ReadRequest& asked, const std::string& members);
// Of a tenant's metrics with counted events; none of a tenant without any.
Result<std::vector<std::string>> metric_names(PreparedView& prepared, StoreView& view,
                                              const std::string& tenant);

}  // namespace quipu
