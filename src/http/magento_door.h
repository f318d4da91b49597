// Webhooks of Magento and Adobe Commerce. Three forms: the synchronous one ({"eventName","data":
// {"order":{..}}}; the shop waits for {"op":"success"}), events of Adobe I/O (the object under
// data.value), and an order as modules post it. The object is the properties; the rows of its items
// that belong to another row (the simple product of a configurable one) stand apart under
// child_items, so that none is counted twice. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "http/vendor_request.h"

namespace quipu {

VendorEvents read_magento(const VendorRequest& request);
Response magento_success();
// What stands behind NAME= in the query; empty if it is not there.
std::string magento_parameter(std::string_view query, std::string_view name);
// Whether it has nothing but a key.
bool is_magento_query(std::string_view query);
// To GET ?challenge=WORD.
Response magento_challenge(std::string_view query);

}  // namespace quipu
