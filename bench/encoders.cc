// The cost of each result format on top of DuckDB: a million rows of nine columns, in one process,
// without HTTP. "C data" and "IPC" are the costs of a neutral batch before any encoder: a
// conversion to Arrow's C data interface and back, and Arrow's stream with its reader. Build and
// run with
//   cmake --build build --target encoder_bench && build/test/encoder_bench [ROUNDS [NAME [SQL]]]

#include <arrow/c/bridge.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "duck/database.h"
#include "result/arrow_array.h"
#include "result/arrow_type.h"
#include "result/compressor.h"
#include "result/result_encoder.h"

namespace {

using tarn::Compression;
using tarn::Format;

constexpr const char* kTable = R"(CREATE TABLE t AS SELECT
  i AS id, (i * 7919 % 100000)::INTEGER AS quantity,
  ['red', 'green', 'blue', 'a somewhat longer name'][i % 4 + 1] || (i % 1000) AS name,
  'Customer no. ' || i || ' of a street "with" a name' AS address,
  TIMESTAMP '2026-01-01' + to_microseconds(i * 1234567) AS at,
  DATE '2020-01-01' + (i % 2500)::INTEGER AS day,
  sin(i) * 1000 AS measure,
  CASE WHEN i % 5 > 0 THEN (i % 100000)::DECIMAL(12, 2) / 7 END::DECIMAL(12, 2) AS price,
  i % 3 = 0 AS flag
FROM range(1000000) r(i))";

struct Case {
  std::string name;
  std::function<size_t(tarn::duck::ResultStream&)> run;  // Returns the size of the output.
};

void Check(const tarn::Result<>& result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
}

size_t Drop(tarn::duck::ResultStream& rows) {
  while (*rows.Next()) {
  }
  return 0;
}

size_t Encode(tarn::duck::ResultStream& rows, Format format, Compression compression) {
  const auto encoder =
      std::move(*tarn::result::MakeEncoder(format, {}, rows.names(), rows.types()));
  const auto compressor = tarn::result::Compressor::Make(compression);
  std::string bytes;
  std::string sent;
  size_t total = 0;
  const auto hand_on = [&] {
    if (compression != Compression::kNone) {
      sent.clear();
      compressor->Write(bytes, sent);
      total += sent.size();
    } else {
      total += bytes.size();
    }
    bytes.clear();
  };
  Check(encoder->Begin(bytes));
  uint64_t count = 0;
  while (auto chunk = std::move(*rows.Next())) {
    Check(encoder->Rows(chunk->columns(), 0, chunk->row_count(), bytes));
    count += chunk->row_count();
    if (bytes.size() >= 64 * 1024) hand_on();
  }
  Check(encoder->End({.rows = count}, bytes));
  hand_on();
  sent.clear();
  compressor->Finish(sent);
  return total + sent.size();
}

// Converts each chunk to a record batch, and passes it through the C data interface.
size_t ThroughCData(tarn::duck::ResultStream& rows) {
  arrow::FieldVector fields;
  for (size_t i = 0; i < rows.names().size(); ++i) {
    fields.push_back(arrow::field(rows.names()[i], tarn::result::ToArrowType(rows.types()[i])));
  }
  const auto schema = arrow::schema(fields);
  size_t columns = 0;
  while (auto chunk = std::move(*rows.Next())) {
    std::vector<std::shared_ptr<arrow::ArrayData>> arrays;
    for (size_t i = 0; i < chunk->columns().size(); ++i) {
      arrays.push_back(*tarn::result::ToArrowArray(chunk->columns()[i], fields[i]->type(), 0,
                                                   chunk->row_count(), {}));
    }
    const auto batch = arrow::RecordBatch::Make(schema, static_cast<int64_t>(chunk->row_count()),
                                                std::move(arrays));
    ArrowArray array;
    if (!arrow::ExportRecordBatch(*batch, &array).ok()) throw std::runtime_error("export");
    columns += static_cast<size_t>((*arrow::ImportRecordBatch(&array, schema))->num_columns());
  }
  return columns > 0 ? 0 : 1;
}

class DropBatches : public arrow::ipc::Listener {
 public:
  arrow::Status OnRecordBatchDecoded(std::shared_ptr<arrow::RecordBatch> /*batch*/) override {
    return arrow::Status::OK();
  }
};

// Encodes the result as Arrow's stream, in pieces, and reads it as another process would.
size_t ThroughIpc(tarn::duck::ResultStream& rows) {
  const auto encoder =
      std::move(*tarn::result::MakeEncoder(Format::kArrow, {}, rows.names(), rows.types()));
  arrow::ipc::StreamDecoder decoder(std::make_shared<DropBatches>());
  std::string bytes;
  size_t total = 0;
  const auto hand_on = [&] {
    const arrow::Status read = decoder.Consume(reinterpret_cast<const uint8_t*>(bytes.data()),
                                               static_cast<int64_t>(bytes.size()));
    if (!read.ok()) throw std::runtime_error(read.message());
    total += bytes.size();
    bytes.clear();
  };
  Check(encoder->Begin(bytes));
  while (auto chunk = std::move(*rows.Next())) {
    Check(encoder->Rows(chunk->columns(), 0, chunk->row_count(), bytes));
    if (bytes.size() >= 64 * 1024) hand_on();
  }
  Check(encoder->End({}, bytes));
  hand_on();
  return total;
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::stoi(argv[1]) : 5;
  const std::string wanted = argc > 2 ? argv[2] : "";
  const std::string sql = argc > 3 ? argv[3] : "FROM t";
  auto database = *tarn::duck::Database::Open({{"threads", "1"}});
  auto connection = std::move(*database.Connect());
  Check(connection.Execute(kTable));

  std::vector<Case> cases = {{"DuckDB alone", Drop}, {"C data", ThroughCData}, {"IPC", ThroughIpc}};
  const std::pair<const char*, Format> formats[] = {{"json", Format::kJson},
                                                    {"ndjson", Format::kNdjson},
                                                    {"csv", Format::kCsv},
                                                    {"arrow", Format::kArrow}};
  const std::pair<const char*, Compression> compressions[] = {
      {"", Compression::kNone}, {"+gzip", Compression::kGzip}, {"+zstd", Compression::kZstd}};
  for (const auto& [suffix, compression] : compressions) {
    for (const auto& [name, format] : formats) {
      cases.push_back({std::string(name) + suffix, [=](tarn::duck::ResultStream& rows) {
                         return Encode(rows, format, compression);
                       }});
    }
  }

  fmt::print("{:14} {:>8} {:>10} {:>9}\n", "", "seconds", "MB", "MB/s");
  for (const Case& c : cases) {
    if (!wanted.empty() && c.name != wanted) continue;
    double best = 1e9;
    size_t bytes = 0;
    for (int round = 0; round < rounds; ++round) {
      const auto start = std::chrono::steady_clock::now();
      auto statement = std::move(*connection.Prepare(sql));
      auto rows = std::move(*statement.Execute());
      bytes = c.run(rows);
      const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
      best = std::min(best, taken.count());
    }
    const double megabytes = static_cast<double>(bytes) / 1e6;
    fmt::print("{:14} {:8.3f} {:10.1f} {:9.0f}\n", c.name, best, megabytes, megabytes / best);
  }
}
