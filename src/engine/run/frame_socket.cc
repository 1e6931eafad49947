#include "engine/run/frame_socket.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace tarn::engine {
namespace {

constexpr size_t kReadBytes = 64 * 1024;

}  // namespace

FrameSocket::~FrameSocket() { close(descriptor_); }

Result<std::optional<protocol::Frame>> FrameSocket::Read() {
  for (;;) {
    TARN_TRY(const std::optional<protocol::Frame> frame, reader_.Next());
    if (frame) return frame;
    const size_t room = std::max(kReadBytes, reader_.Missing());
    const ssize_t got = recv(descriptor_, reader_.Prepare(room), room, 0);
    if (got > 0) {
      reader_.Commit(static_cast<size_t>(got));
    } else if (got == 0 || errno == ECONNRESET) {
      return std::optional<protocol::Frame>();
    } else if (errno != EINTR) {
      return Internal(fmt::format("cannot read from the front: {}", std::strerror(errno)));
    }
  }
}

void FrameSocket::Shutdown() { shutdown(descriptor_, SHUT_RDWR); }

bool FrameSocket::Write(std::string_view bytes) { return Write(bytes, {}); }

bool FrameSocket::Write(std::string_view header, std::string_view body, std::string_view trailer) {
  const MutexLock lock(write_mutex_);
  while (!header.empty() || !body.empty() || !trailer.empty()) {
    std::array<iovec, 3> parts = {iovec{const_cast<char*>(header.data()), header.size()},
                                  iovec{const_cast<char*>(body.data()), body.size()},
                                  iovec{const_cast<char*>(trailer.data()), trailer.size()}};
    msghdr message = {};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t sent = sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    auto taken = static_cast<size_t>(sent);
    for (std::string_view* part : {&header, &body, &trailer}) {
      const size_t of_part = std::min(part->size(), taken);
      part->remove_prefix(of_part);
      taken -= of_part;
    }
  }
  return true;
}

}  // namespace tarn::engine
