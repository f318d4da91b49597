// How the oracle reads a record: fields, values, and what its properties say. Internal to
// tests/oracle.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "parts.h"

namespace oracle {

// Of a scalar that is not blank.
bool present(const Json* value);
// A scalar of tenant, metric, profile or id.
std::optional<std::string> read_field(const FieldSpec& f, const Json& record);
std::optional<Fixed> read_value(const FieldSpec& f, const Json& record, bool* rounded);

// What an event's properties say: of each its text at every element of the list that it walks.
// Properties of one walk share a list.
struct Texts {
  std::vector<std::vector<std::string>> of;  // by property
  std::vector<size_t> list;                  // by property: its walk
  std::vector<size_t> size;                  // by walk: elements
};

Texts read_texts(const std::vector<PropertySpec>& properties, const Json& record);

// A place in every list; what a dimension does not join stands at its first element.
using Places = std::vector<size_t>;

std::set<size_t> lists_of(const Entry& entry, const Texts& texts);
constexpr uint64_t kMostRows = 1000;
// All combinations of the elements of these lists.
std::vector<Places> combinations(const std::set<size_t>& lists, const Texts& texts);

// Each with its length before it.
std::string joined(const std::vector<std::string>& values);

}  // namespace oracle
