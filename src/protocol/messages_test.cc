#include "protocol/messages.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

namespace tarn::protocol {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Bytes that are not UTF-8, a NUL, and marks of CBOR.
const std::string& OddBytes() {
  static const std::string kOdd("\0a\xFF\xFE\xC3\"\\\n\xF6\xA0", 10);
  return kOdd;
}

// The message after encoding and decoding.
template <class Message>
Message RoundTrip(const Message& message) {
  const std::string bytes = ToFrame(message);
  FrameReader reader;
  std::memcpy(reader.Prepare(bytes.size()), bytes.data(), bytes.size());
  reader.Commit(bytes.size());
  const Result<std::optional<Frame>> frame = reader.Next();
  if (!frame.ok() || !*frame || (*frame)->type != Message::kType) {
    throw std::runtime_error("not a frame of this message");
  }
  Result<Message> read = FromPayload<Message>((*frame)->payload);
  if (!read.ok()) throw std::runtime_error(read.error().message);
  return std::move(*read);
}

TEST(Messages, RoundTripsASetup) {
  protocol::Setup setup;
  setup.store.is_folder = true;
  setup.store.root = "/a b/";
  setup.store.host = "h:1";
  setup.store.region = "eu";
  setup.store.use_ssl = false;
  setup.store.use_path_style = true;
  setup.credentials = {"id", OddBytes(), "token"};
  setup.httpfs_path = "/x";
  setup.threads = 7;
  setup.memory_limit = std::numeric_limits<uint64_t>::max();
  setup.memory_hard_limit = 2;
  setup.temp_directory = "/tmp";
  setup.temp_directory_limit = 3;
  setup.plan_cache_entries = 4;
  setup.allow_direct_reads = true;
  setup.depths = {.nesting = 5, .subqueries = 6, .expressions = 7, .json = 8};
  setup.views = {{"a", {"x", "y"}}, {OddBytes(), {OddBytes()}}};
  setup.sandbox = protocol::SandboxMode::kRequire;
  setup.log_program = "engine";
  setup.log_json = true;
  setup.log_level = 2;
  setup.tls_verify = false;
  setup.tls_ca_path = "/ca.pem";
  const protocol::Setup read = RoundTrip(setup);
  EXPECT_TRUE(read.store.is_folder);
  EXPECT_EQ(read.store.root, "/a b/");
  EXPECT_EQ(read.store.host, "h:1");
  EXPECT_EQ(read.store.region, "eu");
  EXPECT_FALSE(read.store.use_ssl);
  EXPECT_TRUE(read.store.use_path_style);
  EXPECT_EQ(read.credentials, setup.credentials);
  EXPECT_EQ(read.httpfs_path, "/x");
  EXPECT_EQ(read.threads, 7U);
  EXPECT_EQ(read.memory_limit, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(read.memory_hard_limit, 2U);
  EXPECT_EQ(read.temp_directory, "/tmp");
  EXPECT_EQ(read.temp_directory_limit, 3U);
  EXPECT_EQ(read.plan_cache_entries, 4U);
  EXPECT_TRUE(read.allow_direct_reads);
  EXPECT_EQ(read.depths, setup.depths);
  ASSERT_EQ(read.views.size(), 2U);
  EXPECT_EQ(read.views[0].name, "a");
  EXPECT_THAT(read.views[0].keys, ElementsAre("x", "y"));
  EXPECT_EQ(read.views[1].name, OddBytes());
  EXPECT_THAT(read.views[1].keys, ElementsAre(OddBytes()));
  EXPECT_EQ(read.sandbox, protocol::SandboxMode::kRequire);
  EXPECT_EQ(read.log_program, "engine");
  EXPECT_TRUE(read.log_json);
  EXPECT_FALSE(read.tls_verify);
  EXPECT_EQ(read.tls_ca_path, "/ca.pem");
  EXPECT_EQ(read.log_level, 2);
}

TEST(Messages, RoundTripsChangesOfViews) {
  const Probe probe = RoundTrip(
      Probe{.ticket = 5,
            .view = {.name = "t", .keys = {OddBytes()}, .schema = {.columns = {{"a", "INTEGER"}}}},
            .object_timeout_ms = std::numeric_limits<int64_t>::max()});
  EXPECT_EQ(probe.ticket, 5U);
  EXPECT_EQ(probe.view.name, "t");
  EXPECT_THAT(probe.view.keys, ElementsAre(OddBytes()));
  EXPECT_THAT(probe.view.schema.columns, ElementsAre(Column{"a", "INTEGER"}));
  EXPECT_EQ(probe.object_timeout_ms, std::numeric_limits<int64_t>::max());
  const Probed probed = RoundTrip(Probed{.ticket = 7,
                                         .ok = true,
                                         .error_kind = 3,
                                         .error = OddBytes(),
                                         .schema = {.columns = {{OddBytes(), "VARCHAR"}},
                                                    .groups = {{{0, 2}, {{OddBytes(), "DATE"}}}},
                                                    .partitions = {{"d", "DATE", OddBytes()}},
                                                    .key_prefix = OddBytes(),
                                                    .notes = {OddBytes()}}});
  EXPECT_EQ(probed.ticket, 7U);
  EXPECT_TRUE(probed.ok);
  EXPECT_EQ(probed.error_kind, 3);
  EXPECT_EQ(probed.error, OddBytes());
  EXPECT_THAT(probed.schema.columns, ElementsAre(Column{OddBytes(), "VARCHAR"}));
  EXPECT_THAT(probed.schema.groups, ElementsAre(ObjectGroup{{0, 2}, {Column{OddBytes(), "DATE"}}}));
  EXPECT_THAT(probed.schema.partitions, ElementsAre(Partition{"d", "DATE", OddBytes()}));
  EXPECT_EQ(probed.schema.key_prefix, OddBytes());
  EXPECT_THAT(probed.schema.notes, ElementsAre(OddBytes()));
  const ApplyViews apply = RoundTrip(ApplyViews{.ticket = 6,
                                                .revision = std::numeric_limits<uint64_t>::max(),
                                                .put = {{"t", {"k"}, {}}, {"u", {"l"}, {}}},
                                                .drop = {OddBytes()},
                                                .pending = {"p", OddBytes()}});
  EXPECT_EQ(apply.ticket, 6U);
  EXPECT_EQ(apply.revision, std::numeric_limits<uint64_t>::max());
  ASSERT_EQ(apply.put.size(), 2U);
  EXPECT_EQ(apply.put[1].name, "u");
  EXPECT_THAT(apply.drop, ElementsAre(OddBytes()));
  EXPECT_THAT(apply.pending, ElementsAre("p", OddBytes()));
  EXPECT_EQ(RoundTrip(ViewsApplied{.ticket = 8}).ticket, 8U);
}

TEST(Messages, ViewsFollowTheirMessage) {
  ViewSpec view{.name = OddBytes(), .keys = {"k"}, .etags = {"e"}, .version = 3};
  view.schema.columns = {{"a", "INTEGER"}};
  const std::string frame =
      ToFrame(ApplyViews{.ticket = 6, .put = {{"own", {"x"}}}}, {std::make_shared<ViewSpec>(view)});
  const std::string payload = frame.substr(kFrameHeaderBytes);
  const Result<ApplyViews> read = FromPayload<ApplyViews>(payload);
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(read->put.size(), 2U);
  EXPECT_EQ(read->put[0].name, "own");
  EXPECT_EQ(read->put[1].name, OddBytes());
  EXPECT_EQ(read->put[1].schema, view.schema);
  EXPECT_THAT(read->put[1].etags, ElementsAre("e"));
  EXPECT_EQ(read->put[1].version, 3U);
  EXPECT_FALSE(FromPayload<ApplyViews>(payload.substr(0, payload.size() - 1)).ok());
  EXPECT_FALSE(FromPayload<ApplyViews>(payload + "\xA0").ok()) << "a view without its fields";
  const std::string end = ToFrame(End{.rows = 1}).substr(kFrameHeaderBytes);
  EXPECT_FALSE(FromPayload<End>(end + end).ok()) << "a message that has no views";
}

TEST(Messages, AQueryArrivesAsItWasSent) {
  const Query query = RoundTrip(Query{.number = 1,
                                      .id = "q",
                                      .sql = OddBytes(),
                                      .params = "[1]",
                                      .format = Format::kArrow,
                                      .compression = Compression::kZstd,
                                      .quote_big_numbers = true,
                                      .row_limit = 2,
                                      .byte_limit = std::numeric_limits<uint64_t>::max(),
                                      .begins_at_once = true,
                                      .only_describe = true});
  EXPECT_EQ(query.number, 1U);
  EXPECT_EQ(query.id, "q");
  EXPECT_EQ(query.sql, OddBytes());
  EXPECT_EQ(query.params, "[1]");
  EXPECT_EQ(query.format, Format::kArrow);
  EXPECT_EQ(query.compression, Compression::kZstd);
  EXPECT_TRUE(query.quote_big_numbers);
  EXPECT_EQ(query.row_limit, 2U);
  EXPECT_EQ(query.byte_limit, std::numeric_limits<uint64_t>::max());
  EXPECT_TRUE(query.begins_at_once);
  EXPECT_TRUE(query.only_describe);
  const Begun begun = RoundTrip(Begun{.revision = 12,
                                      .is_repeatable = true,
                                      .reads = {{OddBytes(), 3}},
                                      .columns = {{"a", "INTEGER"}, {OddBytes(), "VARCHAR"}},
                                      .parameters = {{"1", ""}}});
  EXPECT_THAT(begun.columns, ElementsAre(Column{"a", "INTEGER"}, Column{OddBytes(), "VARCHAR"}));
  EXPECT_THAT(begun.parameters, ElementsAre(Column{"1", ""}));
  EXPECT_EQ(begun.revision, 12U);
  EXPECT_TRUE(begun.is_repeatable);
  ASSERT_EQ(begun.reads.size(), 1U);
  EXPECT_EQ(begun.reads[0].name, OddBytes());
  EXPECT_EQ(begun.reads[0].version, 3U);
  const End end = RoundTrip(End{.rows = 9, .truncated = true});
  EXPECT_EQ(end.rows, 9U);
  EXPECT_TRUE(end.truncated);
  const Failed failed = RoundTrip(Failed{
      .kind = 4, .message = OddBytes(), .has_broken_engine = true, .has_exhausted_memory = true});
  EXPECT_TRUE(failed.has_exhausted_memory);
  EXPECT_EQ(failed.kind, 4);
  EXPECT_TRUE(failed.has_broken_engine);
  EXPECT_EQ(failed.message, OddBytes());
}

TEST(Messages, RoundTripsControlMessages) {
  const Cancel cancel = RoundTrip(Cancel{.slot = 3, .query = 4});
  EXPECT_EQ(cancel.slot, 3U);
  EXPECT_EQ(cancel.query, 4U);
  const Ready ready = RoundTrip(Ready{.error = OddBytes(), .version = "v1"});
  EXPECT_EQ(ready.error, OddBytes());
  EXPECT_EQ(ready.version, "v1");
  const Progress progress = RoundTrip(Progress{.slot = 1, .query = 2, .permille = 125});
  EXPECT_EQ(progress.slot, 1U);
  EXPECT_EQ(progress.query, 2U);
  EXPECT_EQ(progress.permille, 125);
  const Unhealthy unhealthy =
      RoundTrip(Unhealthy{.reason = OddBytes(), .broken = true, .can_wait = true});
  EXPECT_TRUE(unhealthy.can_wait);
  EXPECT_EQ(unhealthy.reason, OddBytes());
  EXPECT_TRUE(unhealthy.broken);
  EXPECT_EQ(RoundTrip(Cached{.data_bytes = 5}).data_bytes, 5U);
  const Decoding decoding = RoundTrip(Decoding{.ticket = 7, .object = 3, .has_ended = true});
  EXPECT_EQ(decoding.ticket, 7U);
  EXPECT_EQ(decoding.object, 3U);
  EXPECT_TRUE(decoding.has_ended);
  EXPECT_EQ(RoundTrip(Hurry{.dataset = "sales"}).dataset, "sales");
}

std::string Cbor(const nlohmann::json& json) {
  std::string bytes;
  nlohmann::json::to_cbor(json, bytes);
  return bytes;
}

nlohmann::json Bytes(std::string_view text) {
  return nlohmann::json::binary({text.begin(), text.end()});
}

// Both ends are from the same build, so a missing field was lost.
TEST(Messages, RejectsMissingAndUnknownFields) {
  EXPECT_TRUE(FromPayload<End>(Cbor({1, true})).ok());
  EXPECT_FALSE(FromPayload<End>(Cbor({1})).ok());
  EXPECT_FALSE(FromPayload<End>(Cbor({1, true, 1})).ok());
  EXPECT_FALSE(FromPayload<End>(Cbor({{"rows", 1}, {"truncated", true}})).ok());
  EXPECT_FALSE(FromPayload<Probe>(Cbor(nlohmann::json::array())).ok());
}

// A conversion to an integer would be undefined behaviour or another number.
TEST(Messages, RejectsFractions) {
  for (const double number : {1.5, 2e29, -1e300, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_FALSE(FromPayload<End>(Cbor({number, true})).ok()) << number;
  }
}

TEST(Messages, NamesTheMessageOfInvalidPayloads) {
  const std::string good = ToFrame(Failed{.kind = 1, .message = "m"}).substr(kFrameHeaderBytes);
  for (const std::string& bad :
       {std::string(), std::string("\xFF"), std::string("SELECT 1"), Cbor(nullptr), Cbor(1),
        Cbor({1, 2}), Cbor({"kind", Bytes("m"), false, false}), Cbor({1, 2, false, false}),
        Cbor({1, "m", false, false}), Cbor({1, Bytes("m"), 0, 1}), good + "x",
        good.substr(0, good.size() - 1)}) {
    const Result<Failed> read = FromPayload<Failed>(bad);
    ASSERT_FALSE(read.ok()) << testing::PrintToString(bad);
    EXPECT_EQ(read.error().kind, ErrorKind::kInternal);
    EXPECT_THAT(read.error().message,
                HasSubstr(fmt::format("message {}: ", static_cast<int>(Failed::kType))));
  }
}

TEST(Messages, RejectsDeepNesting) {
  constexpr size_t kLevels = 10'000'000;
  const char list = '\x81';
  const char object = '\xA1';
  const char text_in_pieces = '\x7F';
  const char tag = '\xC1';
  for (const char opening : {list, object, text_in_pieces, tag}) {
    EXPECT_FALSE(FromPayload<Failed>(std::string(kLevels, opening)).ok());
    EXPECT_FALSE(FromPayload<Probed>(std::string(kLevels, opening)).ok());
  }
}

TEST(Messages, AllocatesNothingForFalseLengths) {
  const std::string eight_bytes(8, '\x7F');
  for (const char kind : {'\x5B', '\x7B', '\x9B', '\xBB'}) {  // Bytes, text, list, object.
    EXPECT_FALSE(FromPayload<Failed>(kind + eight_bytes).ok());
  }
}

// An item of one byte can take the memory of a text.
TEST(Messages, RejectsTooManyItems) {
  const auto begun = [](size_t reads) {
    std::vector<DatasetRead> list(reads);
    return ToFrame(Begun{.revision = 1, .reads = std::move(list)}).substr(kFrameHeaderBytes);
  };
  EXPECT_TRUE(FromPayload<Begun>(begun(Begun::kReadsMax)).ok());
  EXPECT_THAT(FromPayload<Begun>(begun(Begun::kReadsMax + 10)).error().message,
              HasSubstr("unexpected format"));
  Probed probed;
  probed.schema.notes.resize(3'999'000);
  EXPECT_TRUE(FromPayload<Probed>(ToFrame(probed).substr(kFrameHeaderBytes)).ok());
  probed.schema.notes.resize(4'000'000);
  EXPECT_FALSE(FromPayload<Probed>(ToFrame(probed).substr(kFrameHeaderBytes)).ok());
}

TEST(Messages, RejectsMoreColumnsThanTheFrontKeeps) {
  const auto read = [](std::vector<Column> columns) {
    const std::string frame = ToFrame(Begun{.columns = std::move(columns)});
    return FromPayload<Begun>(frame.substr(kFrameHeaderBytes));
  };
  const std::vector<Column> most(Begun::kColumnsMax, {"a", "INTEGER"});
  ASSERT_TRUE(AreWithinLimits(most));
  EXPECT_EQ(read(most)->columns, most);
  EXPECT_FALSE(read(std::vector<Column>(Begun::kColumnsMax + 1, {"a", "INTEGER"})).ok());
  const Column longest{std::string(Begun::kColumnBytesMax - 4, 'a'), "DATE"};
  EXPECT_TRUE(read({longest}).ok());
  EXPECT_FALSE(read({longest, {"b", ""}}).ok());
}

TEST(Messages, AcceptsTheObjectsOfALargeDataset) {
  constexpr size_t kObjects = 200'000;
  Probed probed{.ok = true};
  probed.schema.columns = {{"a", "INTEGER"}};
  probed.schema.etags = std::vector<std::string>(kObjects, "0123456789abcdef0123456789abcdef");
  probed.schema.groups = {{{}, {{"a", "INTEGER"}}}};
  for (size_t i = 0; i < kObjects; ++i) probed.schema.groups[0].objects.push_back(i);
  EXPECT_EQ(RoundTrip(probed).schema, probed.schema);
}

TEST(Messages, DetectsFramesBeyondTheLimits) {
  Probed probed{.ok = true};
  probed.schema.columns = {{"a", "INTEGER"}};
  EXPECT_TRUE(IsWithinLimits(ToFrame(probed)));
  probed.schema.columns[0].name.assign(100'000'000, 'x');
  EXPECT_FALSE(IsWithinLimits(ToFrame(probed))) << "bytes";
  probed.schema.columns = {{"a", "INTEGER"}};
  probed.schema.notes.assign(5'000'000, "");
  EXPECT_FALSE(IsWithinLimits(ToFrame(probed))) << "items";
}

TEST(Messages, LimitsTheColumnsOfAProbe) {
  Probed probed{.ok = true};
  probed.schema.columns.assign(Probed::kColumnsMax / 2, {"", ""});
  probed.schema.groups = {{{0}, probed.schema.columns}};
  EXPECT_TRUE(IsWithinLimits(probed.schema));
  EXPECT_EQ(RoundTrip(probed).schema, probed.schema);
  probed.schema.groups[0].columns.emplace_back();
  EXPECT_FALSE(IsWithinLimits(probed.schema));
  EXPECT_FALSE(FromPayload<Probed>(ToFrame(probed).substr(kFrameHeaderBytes)).ok());
  probed.schema.groups.clear();
  probed.schema.columns.assign(Probed::kColumnsMax + 1, {"", ""});
  EXPECT_FALSE(FromPayload<Probed>(ToFrame(probed).substr(kFrameHeaderBytes)).ok());
}

// A schema with all of its parts.
DatasetSchema WideSchema() {
  DatasetSchema schema{.key_prefix = OddBytes(), .notes = {"a note"}, .guarded = {"c1"}};
  for (int i = 0; i < 100; ++i) {
    schema.columns.push_back({"column_with_a_name_" + std::to_string(i), "DECIMAL(18,2)"});
  }
  for (uint64_t group = 0; group < 10; ++group) {
    schema.groups.push_back({{group}, schema.columns});
    schema.groups.back().columns[group] = {OddBytes(), ""};
  }
  schema.columns.push_back({"day", "DATE"});
  schema.partitions = {{"day", "DATE", "day"}};
  schema.may_hide_nan = true;
  schema.etags = {"e", ""};
  return schema;
}

TEST(Messages, PacksASchema) {
  const DatasetSchema schema = WideSchema();
  const std::string packed = PackSchema(schema);
  EXPECT_EQ(UnpackSchema(packed), schema);
  size_t texts = 0;
  for (const Column& column : schema.columns) texts += column.name.size() + column.type.size();
  EXPECT_LT(packed.size(), texts + 5 * schema.columns.size() + 10 * 250) << "groups are small";
  EXPECT_EQ(UnpackSchema(PackSchema({})), DatasetSchema());
}

TEST(Messages, SendsAPackedSchemaAsTheSchema) {
  const DatasetSchema schema = WideSchema();
  const ApplyViews change{
      .put = {{.name = "a", .keys = {"k"}, .packed_schema = PackSchema(schema)}}};
  const ApplyViews read = RoundTrip(change);
  ASSERT_EQ(read.put.size(), 1U);
  EXPECT_EQ(read.put[0].schema, schema);
  EXPECT_EQ(read.put[0].packed_schema, "");
}

// The front trusts no engine process: a message must not take much more memory than it has bytes.
TEST(Messages, RejectsTextsThatAProbeLeavesOut) {
  const Probed probed{.ticket = 1, .ok = true};
  std::string complete = ToFrame(probed).substr(kFrameHeaderBytes);
  const std::string empty = PackSchema({});
  ASSERT_EQ(complete.substr(complete.size() - empty.size()), empty);
  complete.resize(complete.size() - empty.size());
  EXPECT_TRUE(FromPayload<Probed>(complete + empty).ok());
  EXPECT_FALSE(FromPayload<Probed>(complete + PackSchema(WideSchema())).ok());
}

// A cast would accept any number as an enumerator.
TEST(Messages, RejectsUnknownEnumerators) {
  const auto last = static_cast<int64_t>(ErrorKind::kInternal);
  for (const int64_t kind : {int64_t{-1}, last + 1, int64_t{1} << 31}) {
    EXPECT_FALSE(FromPayload<Failed>(Cbor({kind, Bytes(""), false, false, false})).ok()) << kind;
    Probed probed;
    probed.error_kind = static_cast<int>(kind);
    EXPECT_FALSE(FromPayload<Probed>(ToFrame(probed).substr(kFrameHeaderBytes)).ok()) << kind;
  }
  EXPECT_TRUE(FromPayload<Failed>(Cbor({last, Bytes(""), false, false, false})).ok());
  Query query{.sql = "SELECT 1"};
  query.format = static_cast<Format>(static_cast<int>(Format::kArrow) + 1);
  EXPECT_FALSE(FromPayload<Query>(ToFrame(query).substr(kFrameHeaderBytes)).ok());
  protocol::Setup setup;
  setup.sandbox = static_cast<SandboxMode>(static_cast<int>(SandboxMode::kRequire) + 1);
  EXPECT_FALSE(FromPayload<protocol::Setup>(ToFrame(setup).substr(kFrameHeaderBytes)).ok());
  std::string rows(RowsHeader::kBytes, '\0');
  rows.back() = '\x03';
  EXPECT_FALSE(ReadRowsHeader(rows).ok());
  setup = {};
  for (const int level : {-1, 4}) {
    setup.log_level = level;
    EXPECT_FALSE(FromPayload<protocol::Setup>(ToFrame(setup).substr(kFrameHeaderBytes)).ok());
  }
}

// Random input is decoded or rejected, and never read beyond its end.
TEST(Messages, HandlesRandomBytes) {
  std::mt19937 random(20261);  // NOLINT: the same in every run
  const std::string samples[] = {
      ToFrame(protocol::Setup{.views = {{"a", {"x", "y"}}}, .log_program = "engine"}),
      ToFrame(Query{.number = 1, .id = "q", .sql = "SELECT 1", .params = "[1]"}),
      ToFrame(Probed{.ticket = 7, .error = "no"}), ToFrame(End{.rows = 9})};
  size_t messages = 0;
  size_t errors = 0;
  for (int round = 0; round < 100'000; ++round) {
    std::string bytes = samples[random() % std::size(samples)];
    const size_t changes = random() % 4;
    for (size_t i = 0; i < changes; ++i) {
      // Mostly small lengths, so that frames are complete.
      const size_t at =
          random() % 8 == 0 ? random() % bytes.size() : 4 + random() % (bytes.size() - 4);
      bytes[at] = static_cast<char>(random());
    }
    if (random() % 4 == 0) bytes.resize(random() % (bytes.size() + 1));
    FrameReader reader;
    while (!bytes.empty()) {
      const size_t piece = std::min<size_t>(bytes.size(), 1 + random() % 64);
      std::memcpy(reader.Prepare(piece), bytes.data(), piece);
      reader.Commit(piece);
      bytes.erase(0, piece);
    }
    for (;;) {
      const Result<std::optional<Frame>> frame = reader.Next();
      if (!frame.ok() || !*frame) break;
      const std::string_view payload = (*frame)->payload;
      // For any declared type.
      bool read = false;
      switch (round % 4) {
        case 0:
          read = FromPayload<protocol::Setup>(payload).ok();
          break;
        case 1:
          read = FromPayload<Query>(payload).ok();
          break;
        case 2:
          read = FromPayload<Probed>(payload).ok();
          break;
        default:
          read = FromPayload<End>(payload).ok();
      }
      ++(read ? messages : errors);
      [[maybe_unused]] const auto header = ReadRowsHeader(payload);
    }
  }
  EXPECT_GT(messages, 0U);
  EXPECT_GT(errors, 10'000U);
}

}  // namespace
}  // namespace tarn::protocol
