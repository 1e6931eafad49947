// protocol: frames and messages from a malicious engine, as the front reads them. The first byte
// determines the size of the pieces in which the stream arrives.

#include "fuzz.h"
#include "protocol/messages.h"

using namespace tarn::protocol;  // NOLINT: the namespace under test

namespace {

template <class Message>
void Read(std::string_view payload) {
  const auto message = FromPayload<Message>(payload);
  if (!message.ok()) return;
  // Each accepted message can be sent and parsed again.
  const std::string frame = ToFrame(*message);
  const auto again = FromPayload<Message>(std::string_view(frame).substr(kFrameHeaderBytes));
  FUZZ_CHECK(again.ok(), again.error().message);
  FUZZ_CHECK(ToFrame(*again) == frame, "the frame has changed");
}

void ReadAll(std::string_view payload) {
  Read<Setup>(payload);
  Read<Probe>(payload);
  Read<ApplyViews>(payload);
  Read<Cancel>(payload);
  Read<Ready>(payload);
  Read<ProbeProgress>(payload);
  Read<Decoding>(payload);
  Read<Hurry>(payload);
  Read<Probed>(payload);
  Read<ViewsApplied>(payload);
  Read<Progress>(payload);
  Read<Unhealthy>(payload);
  Read<Cached>(payload);
  Read<Query>(payload);
  Read<Begun>(payload);
  Read<End>(payload);
  Read<Failed>(payload);
  (void)ReadRowsHeader(payload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = data[0] % 32 + 1;
  std::string_view stream = tarn::fuzz::Text(data + 1, size - 1);
  ReadAll(stream);
  FrameReader reader;
  size_t given = 0;
  size_t taken = 0;
  while (!stream.empty()) {
    const size_t bytes = std::min(piece, stream.size());
    stream.copy(reader.Prepare(bytes), bytes);
    stream.remove_prefix(bytes);
    reader.Commit(bytes);
    given += bytes;
    for (;;) {
      const auto frame = reader.Next();
      if (!frame.ok()) return 0;
      if (!*frame) break;
      taken += kFrameHeaderBytes + (*frame)->payload.size();
      FUZZ_CHECK(taken <= given, "a frame is longer than the input so far");
      ReadAll((*frame)->payload);
    }
    FUZZ_CHECK(reader.Missing() >= 1, "a complete frame was not returned");
  }
  return 0;
}
