#include "base/metrics.h"

#include <prometheus/text_serializer.h>

namespace tarn {

std::string Metrics::Render() const {
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace tarn
