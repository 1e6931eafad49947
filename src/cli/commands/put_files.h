#pragma once

// What the ways of tarn put have in common: from Parquet files to objects with names of their own.

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/commands/put.h"
#include "cli/parquet_files.h"
#include "cli/terminal/progress.h"
#include "s3/client.h"

namespace tarn::cli {

// Of a name that is taken, where nobody has said what to do then.
Error IsThere(const std::string& dataset);

// A file, and the name of its object within the dataset: the first 128 bits of its SHA-256. So an
// object that is there already need not come again, and none is ever overwritten. Several files
// that were made of one input have one hash of all, and their number: "HASH-00001.parquet".
struct NamedFile {
  std::string path;
  std::string name;
  uint64_t bytes = 0;
};

// Two files of somebody with the same content are an error: most likely they are one.
Result<std::vector<NamedFile>> NameFiles(const ParquetFiles& files, InputFormat format,
                                         const std::stop_token& stop);
// Refuses an --append that would take partitions from the dataset, because the key of the new
// object has none. `former` has the keys of the dataset; `prefix` is that of the new key.
Result<> RequireSamePartitions(const std::string& dataset, const std::vector<std::string>& former,
                               const std::string& prefix);
Error HasTheseRows(const std::string& dataset);
uint64_t BytesOf(const std::vector<NamedFile>& files);

// "DATASET/SHA-256.parquet": the folder of an object, which has no other folder in it.
std::string KeyOf(const std::string& dataset, const NamedFile& file);

// A new file, whose bytes are on the disk when it returns.
Result<> CopyFile(const std::string& from, const std::filesystem::path& to, Progress& progress,
                  const std::stop_token& stop);

struct SentFile {
  std::string key;
  uint64_t bytes = 0;
  std::string etag;     // May be empty.
  bool is_new = false;  // It was not there before.
};

// Writes files as objects of the dataset `name`, below a prefix. After an error, `sent` has those
// up to the one that failed, which may be there all the same.
Result<> SendFiles(s3::Client& bucket, const std::string& prefix, const std::string& name,
                   const std::vector<NamedFile>& files, const std::stop_token& stop,
                   std::vector<SentFile>& sent);

// "2 rows in 1 object (600 B), 3 columns" on stdout, or JSON of what no catalogue answers, and on
// stderr what else there is to say.
void PrintSummary(const PutOptions& options, const ParquetFiles& files,
                  const std::vector<NamedFile>& named, std::string_view more = {});

}  // namespace tarn::cli
