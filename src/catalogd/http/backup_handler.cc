#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "base/log.h"
#include "catalogd/http/list_handler.h"

namespace tarn::catalogd {

namespace asio = boost::asio;
using http::Request;
using http::Response;

namespace {

constexpr size_t kBackupPieceBytes = 256 * 1024;

// An unlinked file, which is removed when its descriptor is closed.
class OpenFile {
 public:
  static Result<std::unique_ptr<OpenFile>> OpenAndUnlink(const std::string& path) {
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const int reason = errno;
    unlink(path.c_str());
    if (descriptor < 0) return Internal(fmt::format("cannot open {}: {}", path, strerror(reason)));
    return std::unique_ptr<OpenFile>(new OpenFile(descriptor));
  }
  ~OpenFile() { close(descriptor_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  // Returns nullopt at the end.
  Result<std::optional<std::string>> Read() const {
    std::string bytes(kBackupPieceBytes, '\0');
    const ssize_t got = read(descriptor_, bytes.data(), bytes.size());
    if (got < 0) return Internal(fmt::format("cannot read the backup: {}", strerror(errno)));
    if (got == 0) return std::optional<std::string>();
    bytes.resize(static_cast<size_t>(got));
    return std::optional(std::move(bytes));
  }

 private:
  explicit OpenFile(int descriptor) : descriptor_(descriptor) {}
  const int descriptor_;
};

class FileStream : public http::BodyStream {
 public:
  FileStream(Service& service, std::string user, SharedSlots::Slot slot,
             std::unique_ptr<OpenFile> file)
      : service_(service), user_(std::move(user)), slot_(std::move(slot)), file_(std::move(file)) {}

  asio::awaitable<Result<std::optional<std::string>>> Next() override {
    const auto read = [this] { return file_->Read(); };
    co_return co_await service_.readers.Run(user_, read);
  }

 private:
  Service& service_;
  const std::string user_;
  const SharedSlots::Slot slot_;
  const std::unique_ptr<OpenFile> file_;
};

}  // namespace

asio::awaitable<Result<Response>> HandleBackup(Service& service, const Request& request) {
  SharedSlots::Slot slot = service.stream_slots.Acquire(request.identity->name);
  if (!slot) {
    co_return Unavailable("too many lists and backups are being sent (catalogd.list_streams_max)");
  }
  const auto write = [&service]() -> Result<std::unique_ptr<OpenFile>> {
    TARN_TRY(const std::string path, service.store.Backup());
    return OpenFile::OpenAndUnlink(path);
  };
  Result<std::unique_ptr<OpenFile>> file =
      co_await service.readers.Run(request.identity->name, write);
  if (!file.ok()) co_return file.error();
  log::Info("backup", {{"query_id", request.id}});
  Response response{.content_type = "application/vnd.sqlite3"};
  response.headers.emplace_back("Content-Disposition", "attachment; filename=\"catalog.sqlite\"");
  response.body = std::make_unique<FileStream>(service, request.identity->name, std::move(slot),
                                               std::move(*file));
  co_return response;
}

}  // namespace tarn::catalogd
