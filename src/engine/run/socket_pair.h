#pragma once

// The front's end of a socket of the engine, for tests.

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "protocol/messages.h"

namespace tarn::engine {

// A socket pair. Read() waits for at most a minute.
class FrontSocket {
 public:
  FrontSocket() {
    std::array<int, 2> pair = {};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
      throw std::runtime_error("no socket");
    }
    ours_ = pair[0];
    theirs_ = pair[1];
  }
  ~FrontSocket() {
    Close();
    if (theirs_ >= 0) close(theirs_);
  }
  FrontSocket(FrontSocket&& other) noexcept
      : ours_(std::exchange(other.ours_, -1)), theirs_(std::exchange(other.theirs_, -1)) {}
  FrontSocket& operator=(FrontSocket&&) = delete;

  // Returns the engine's end, which the caller must close.
  int TakeTheirs() { return std::exchange(theirs_, -1); }
  int ours() const { return ours_; }
  void Close() {
    if (ours_ >= 0) close(std::exchange(ours_, -1));
  }

  void SendBytes(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = send(ours_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) throw std::runtime_error("cannot send to the engine");
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  template <class Message>
  void Send(const Message& message) const {
    SendBytes(protocol::ToFrame(message));
  }

  // Returns the next frame, which is valid until the next call, or nullopt at the end of the
  // stream.
  std::optional<protocol::Frame> Read() {
    for (;;) {
      const Result<std::optional<protocol::Frame>> frame = reader_.Next();
      if (!frame.ok()) throw std::runtime_error(frame.error().message);
      if (*frame) return *frame;
      if (!IsReadable(60'000)) throw std::runtime_error("nothing came");
      const size_t room = std::max<size_t>(4096, reader_.Missing());
      const ssize_t got = recv(ours_, reader_.Prepare(room), room, 0);
      if (got <= 0) return std::nullopt;
      reader_.Commit(static_cast<size_t>(got));
    }
  }
  // Reads the next message, skipping periodic ones, and checks its type.
  template <class Message>
  Message Receive() {
    std::optional<protocol::Frame> frame;
    do {
      frame = Read();
    } while (frame && frame->type != Message::kType &&
             (frame->type == protocol::FrameType::kProgress ||
              frame->type == protocol::FrameType::kDecoding ||
              frame->type == protocol::FrameType::kCached));
    if (!frame || frame->type != Message::kType) {
      throw std::runtime_error(fmt::format("got {} instead of {}",
                                           frame ? static_cast<int>(frame->type) : -1,
                                           static_cast<int>(Message::kType)));
    }
    Result<Message> message = protocol::FromPayload<Message>(frame->payload);
    if (!message.ok()) throw std::runtime_error(message.error().message);
    return std::move(*message);
  }
  bool IsReadable(int timeout_ms) const {
    pollfd poll_of = {.fd = ours_, .events = POLLIN, .revents = 0};
    return poll(&poll_of, 1, timeout_ms) > 0;
  }

 private:
  int ours_ = -1;
  int theirs_ = -1;
  protocol::FrameReader reader_;
};

}  // namespace tarn::engine
