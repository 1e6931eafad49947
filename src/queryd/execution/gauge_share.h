#pragma once

#include <prometheus/gauge.h>

#include <utility>

namespace tarn::queryd {

// The share of one owner in a gauge that shows the sum of several owners. Not thread-safe.
class GaugeShare {
 public:
  explicit GaugeShare(prometheus::Gauge& gauge) : gauge_(gauge) {}
  GaugeShare(const GaugeShare&) = delete;
  GaugeShare& operator=(const GaugeShare&) = delete;

  void Set(double value) { gauge_.Increment(value - std::exchange(shown_, value)); }

 private:
  prometheus::Gauge& gauge_;
  double shown_ = 0;
};

}  // namespace tarn::queryd
