#include "queryd/datasets/wanted_dataset.h"

namespace tarn::queryd {

WantedDataset WantedDataset::Of(const catalog::Manifest& manifest) {
  const catalog::DatasetContent& content = manifest.content;
  WantedDataset wanted{.name = manifest.name,
                       .owner = manifest.changed_by,
                       .created_at = manifest.created_at,
                       .updated_at = manifest.updated_at,
                       .rows = content.row_count,
                       .bytes = 0,
                       .keys = {}};
  TextList::Builder keys;
  TextList::Builder etags;
  bool has_etags = false;
  for (const catalog::ObjectRef& object : content.objects) {
    keys.Add(object.key);
    etags.Add(object.etag.value_or(""));
    has_etags = has_etags || object.etag;
    if (!object.size_bytes) wanted.bytes.reset();
    if (wanted.bytes) *wanted.bytes += *object.size_bytes;
  }
  wanted.keys = keys.Build();
  if (has_etags) wanted.etags = etags.Build();
  return wanted;
}

}  // namespace tarn::queryd
