#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cli/commands/bucket.h"
#include "cli/commands/check_store.h"
#include "cli/commands/object_grouping.h"
#include "cli/commands/put_files.h"
#include "cli/commands/put_input.h"
#include "cli/commands/put_into.h"
#include "cli/terminal/interrupt.h"
#include "cli/up/workspace.h"
#include "duck/footer_file.h"

namespace tarn::cli {

namespace {

// Most footers are smaller.
constexpr uint64_t kFooterGuessBytes = 64 * 1024;
constexpr uint64_t kFooterBytesMax = 256 * 1024 * 1024;
constexpr auto kTakeBackTime = std::chrono::seconds(30);

// The columns of a Parquet object, from its footer.
Result<std::vector<Column>> ColumnsOf(s3::Client& bucket, const std::string& key,
                                      const Workspace& workspace, const std::stop_token& stop) {
  TARN_TRY(duck::FooterFile footer, duck::FooterFile::Make());
  for (uint64_t bytes = kFooterGuessBytes;;) {
    TARN_TRY(const s3::ObjectPart end, bucket.ReadEnd(key, bytes, Deadline::Never(),
                                                      [&stop] { return stop.stop_requested(); }));
    TARN_TRY(const size_t needed, footer.Put(end.bytes));
    if (needed == 0) break;
    if (needed > kFooterBytesMax || needed > end.object_bytes) {
      return InvalidArgument("its footer is damaged (its length is impossible): write it again");
    }
    bytes = needed;
  }
  const Input input{
      .files = {footer.Path()}, .format = InputFormat::kParquet, .is_unchecked = true};
  TARN_TRY(ParquetFiles former, ingest::ToParquet(input, workspace.path(), {}, {.stop = stop}));
  return std::move(former.columns);
}

// The dataset in the bucket.
struct InBucket {
  std::string folder;                // "PREFIX/NAME/"
  std::string file;                  // "PREFIX/NAME.parquet"
  std::vector<std::string> objects;  // The objects of the dataset below the folder.
  bool has_file = false;
};

Result<InBucket> Find(s3::Client& bucket, const std::string& prefix, const std::string& name,
                      const std::stop_token& stop) {
  const auto is_cancelled = [&stop] { return stop.stop_requested(); };
  InBucket dataset{.folder = prefix + name + "/", .file = prefix + name + ".parquet"};
  const auto keep = [&prefix](const s3::ListedObject& object) {
    return IsOfDataset(std::string_view(object.key).substr(prefix.size()));
  };
  TARN_TRY(std::vector<s3::ListedObject> listed,
           bucket.List({.prefix = dataset.folder, .keep = keep}, Deadline::Never(), is_cancelled));
  for (s3::ListedObject& object : listed) dataset.objects.push_back(std::move(object.key));
  TARN_TRY(const auto file, bucket.Stat(dataset.file, Deadline::Never(), is_cancelled));
  dataset.has_file = file.has_value();
  return dataset;
}

bool HasAny(const InBucket& dataset, const std::vector<NamedFile>& files) {
  return std::any_of(files.begin(), files.end(), [&](const NamedFile& file) {
    return std::find(dataset.objects.begin(), dataset.objects.end(), dataset.folder + file.name) !=
           dataset.objects.end();
  });
}

// Deletes former objects that were not sent again.
Result<> DeleteFormer(s3::Client& bucket, const InBucket& dataset,
                      const std::vector<SentFile>& sent) {
  std::vector<std::string> former = dataset.objects;
  std::erase_if(former, [&sent](const std::string& key) {
    return std::any_of(sent.begin(), sent.end(),
                       [&key](const SentFile& object) { return object.key == key; });
  });
  if (dataset.has_file) former.push_back(dataset.file);
  for (const std::string& key : former) {
    if (const Result<> deleted = bucket.Delete(key, Deadline::Never()); !deleted.ok()) {
      return deleted.error().Wrap(
          fmt::format("the dataset has the new rows and still some former ones, such as those of "
                      "\"{}\": repeat the command",
                      key));
    }
  }
  return {};
}

// Refuses objects of another process that replaced the dataset at the same time. A bucket has no
// locks.
Result<> RequireNoOthers(s3::Client& bucket, const std::string& prefix, const std::string& name,
                         const std::vector<SentFile>& sent, const std::stop_token& stop) {
  TARN_TRY(const InBucket now, Find(bucket, prefix, name, stop));
  const bool are_ours = std::all_of(now.objects.begin(), now.objects.end(), [&](const auto& key) {
    return std::any_of(sent.begin(), sent.end(),
                       [&key](const SentFile& object) { return object.key == key; });
  });
  if (are_ours) return {};
  return InvalidArgument(fmt::format(
      "another process put rows into \"{}\" meanwhile, and the rows of both are there: repeat "
      "the command",
      name));
}

// Deletes the new objects after a failure, so that queries see none of them. The error names an
// object that cannot be deleted.
Error TakeBack(s3::Client& bucket, const std::vector<SentFile>& sent, const Error& error) {
  const Deadline deadline = Deadline::After(kTakeBackTime);
  for (const SentFile& object : sent) {
    if (object.is_new && !bucket.Delete(object.key, deadline).ok()) {
      return {error.kind,
              fmt::format("\"{}\" is left in the bucket: {}", object.key,
                          error.kind == ErrorKind::kCancelled ? "stopped" : error.message)};
    }
  }
  return error;
}

}  // namespace

Result<> PutIntoBucketUrl(const PutOptions& options, const PutTask& task) {
  const std::stop_token& stop = task.stop;
  TARN_TRY(const BucketUrl url, BucketUrl::Parse(options.into));
  TARN_TRY(const LakehouseSettings settings, SettingsOfBucket(url, options.remote.config_path));
  if (const Result<> good = RequireStore(settings, url.prefix); !good.ok()) {
    return good.error().Wrap(fmt::format("{} at {}", url.Text(), EndpointOf(settings.s3)));
  }
  TARN_TRY(const s3::Bucket opened, OpenBucket(settings));
  s3::Client bucket(opened);
  TARN_TRY(const InBucket dataset, Find(bucket, url.prefix, options.name, stop));
  const bool is_there = dataset.has_file || !dataset.objects.empty();
  if (is_there && !options.append && !options.replace) return DatasetExistsError(options.name);
  if (options.append && dataset.has_file) {
    return InvalidArgument(
        fmt::format("\"{}\" is one object: nothing can be added to it", dataset.file));
  }
  if (options.append) {
    TARN_CHECK_OK(RequireSamePartitions(options.name, dataset.objects, url.prefix));
  }
  TARN_TRY(const Workspace workspace, Workspace::Make());
  std::vector<Column> wanted;
  if (options.append && is_there) {
    const std::string& first = dataset.objects.front();
    Result<std::vector<Column>> columns = ColumnsOf(bucket, first, workspace, stop);
    if (!columns.ok()) {
      if (stop.stop_requested()) return StoppedError();
      return columns.error().Wrap(fmt::format("object \"{}\"", first));
    }
    wanted = std::move(*columns);
  }
  TARN_TRY(const Input input, ToInput(options, workspace.path(), stop));
  TARN_TRY(const ParquetFiles files, ingest::ToParquet(input, workspace.path(), wanted, task));
  TARN_TRY(const std::vector<NamedFile> named, NameFiles(files, input.format, task));
  if (options.append && HasAny(dataset, named)) return RowsExistError(options.name);
  std::vector<SentFile> sent;
  const Result<> all_sent = SendFiles(bucket, url.prefix, options.name, named, task, sent);
  task.progress->Finish();
  if (!all_sent.ok()) return TakeBack(bucket, sent, all_sent.error());
  if (!options.append) {
    TARN_CHECK_OK(DeleteFormer(bucket, dataset, sent));
    TARN_CHECK_OK(RequireNoOthers(bucket, url.prefix, options.name, sent, stop));
  }
  PrintSummary(options, files, named);
  return {};
}

}  // namespace tarn::cli
