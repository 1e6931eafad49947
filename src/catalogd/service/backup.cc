#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "base/log.h"
#include "catalogd/service/lists.h"

namespace tarn::catalogd {

namespace asio = boost::asio;

namespace {

constexpr size_t kBackupPieceBytes = 256 * 1024;

// A file that is removed when its descriptor is closed.
class BackupReader : public PieceReader {
 public:
  // Takes the descriptor of an unlinked file.
  BackupReader(Service& service, std::string user, SharedSlots::Slot slot, int descriptor)
      : service_(service),
        user_(std::move(user)),
        slot_(std::move(slot)),
        descriptor_(descriptor) {}
  ~BackupReader() override { close(descriptor_); }
  BackupReader(const BackupReader&) = delete;
  BackupReader& operator=(const BackupReader&) = delete;

  asio::awaitable<Result<std::optional<std::string>>> Next() override {
    const auto read = [this] { return Read(); };
    co_return co_await service_.readers.Run(user_, read);
  }

 private:
  Result<std::optional<std::string>> Read() const {
    std::string bytes(kBackupPieceBytes, '\0');
    const ssize_t got = read(descriptor_, bytes.data(), bytes.size());
    if (got < 0) return Internal(fmt::format("cannot read the backup: {}", strerror(errno)));
    if (got == 0) return std::optional<std::string>();
    bytes.resize(static_cast<size_t>(got));
    return std::optional(std::move(bytes));
  }

  Service& service_;
  const std::string user_;
  const SharedSlots::Slot slot_;
  const int descriptor_;
};

Result<int> OpenAndUnlink(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const int reason = errno;
  unlink(path.c_str());
  if (descriptor < 0) return Internal(fmt::format("cannot open {}: {}", path, strerror(reason)));
  return descriptor;
}

}  // namespace

asio::awaitable<Result<std::unique_ptr<PieceReader>>> TakeBackup(Service& service,
                                                                 const Caller& caller) {
  const std::string& user = caller.identity.name;
  SharedSlots::Slot slot = service.stream_slots.Acquire(user);
  if (!slot) {
    co_return Unavailable("too many lists and backups are being sent (catalogd.list_streams_max)");
  }
  const auto take = [&]() -> Result<std::unique_ptr<PieceReader>> {
    TARN_TRY(const std::string path, service.store.Backup());
    TARN_TRY(const int descriptor, OpenAndUnlink(path));
    return std::unique_ptr<PieceReader>(
        std::make_unique<BackupReader>(service, user, std::move(slot), descriptor));
  };
  Result<std::unique_ptr<PieceReader>> backup = co_await service.readers.Run(user, take);
  if (backup.ok()) log::Info("backup", {{"query_id", caller.request_id}});
  co_return backup;
}

}  // namespace tarn::catalogd
