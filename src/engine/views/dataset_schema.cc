#include "engine/views/dataset_schema.h"

#include <fmt/format.h>

#include <set>
#include <string>
#include <vector>

#include "base/text.h"

namespace tarn::engine {
namespace {

std::vector<protocol::Column> ToProtocol(const std::vector<catalog::Column>& columns) {
  std::vector<protocol::Column> out;
  for (const catalog::Column& column : columns) out.push_back({column.name, column.type});
  return out;
}

}  // namespace

protocol::DatasetSchema ToDatasetSchema(const catalog::SchemaUnion& objects,
                                        const catalog::Partitions& partitions) {
  protocol::DatasetSchema schema{.columns = ToProtocol(objects.DatasetColumns()),
                                 .key_prefix = partitions.prefix};
  for (const catalog::ObjectGroup& group : objects.Groups()) {
    schema.groups.push_back({.objects = group.objects, .columns = ToProtocol(group.columns)});
  }
  if (!partitions.problem.empty()) schema.notes.push_back("no partitions: " + partitions.problem);
  std::set<std::string> names;
  for (const protocol::Column& column : schema.columns) names.insert(ToLowerAscii(column.name));
  for (const catalog::Partition& partition : partitions.columns) {
    if (names.contains(ToLowerAscii(partition.name))) {
      schema.notes.push_back(fmt::format(
          "partition \"{}\" is not shown: the objects have a column of this name", partition.name));
      continue;
    }
    schema.partitions.push_back({partition.name, partition.type, partition.key_name});
    schema.columns.push_back({partition.name, partition.type});
  }
  return schema;
}

}  // namespace tarn::engine
