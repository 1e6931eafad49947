#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <map>
#include <string>

namespace tarn {

// The metrics of one process. The owner of a counted thing creates its families. Names start with
// tarn_ and end in their unit (https://prometheus.io/docs/practices/naming).
class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;

  prometheus::Counter& Counter(const std::string& name, const std::string& help,
                               const Labels& labels = {}) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add(labels);
  }
  prometheus::Gauge& Gauge(const std::string& name, const std::string& help,
                           const Labels& labels = {}) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry_).Add(labels);
  }
  // A histogram of seconds, from a millisecond to a minute.
  prometheus::Histogram& Seconds(const std::string& name, const std::string& help,
                                 const Labels& labels = {}) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry_).Add(
        labels, prometheus::Histogram::BucketBoundaries{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                        0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60});
  }

  // The text format of Prometheus, version 0.0.4.
  std::string Render() const;

 private:
  prometheus::Registry registry_;
};

}  // namespace tarn
