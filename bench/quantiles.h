// Quantiles of a list of measurements.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace quipu::bench {

struct Quantiles {
  double p50 = 0, p99 = 0, max = 0;
};

// By nearest rank: the smallest value that at least so large a share of all values does not exceed.
// Zeros of none.
inline Quantiles quantiles(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  auto at = [&](double share) {
    const auto rank = size_t(std::ceil(share * double(values.size())));
    return values[std::max<size_t>(rank, 1) - 1];
  };
  return {at(0.5), at(0.99), values.back()};
}

}  // namespace quipu::bench
