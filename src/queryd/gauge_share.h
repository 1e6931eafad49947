#pragma once

#include <prometheus/gauge.h>

#include <utility>

namespace tarn::queryd {

// The part of one owner in a gauge that several owners add up in. Not thread-safe.
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
