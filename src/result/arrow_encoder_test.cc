#include "result/arrow_encoder.h"

#include <arrow/array.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/reader.h>
#include <arrow/scalar.h>
#include <arrow/table.h>
#include <arrow/type_traits.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/key_value_metadata.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "result/json_value.h"
#include "result/type_cases.h"

namespace tarn::result {
namespace {

std::shared_ptr<arrow::Table> Read(const std::string& stream) {
  const std::shared_ptr<arrow::io::InputStream> input = arrow::io::BufferReader::FromString(stream);
  auto reader = arrow::ipc::RecordBatchStreamReader::Open(input);
  if (!reader.ok()) {
    ADD_FAILURE() << reader.status().ToString() << " in " << stream.substr(0, 200);
    return nullptr;
  }
  auto table = (*reader)->ToTable();
  EXPECT_TRUE(table.ok()) << table.status().ToString();
  return *table;
}

std::shared_ptr<arrow::Table> Query(const std::string& sql, const JsonOptions& options = {},
                                    uint64_t piece_rows = 2048) {
  return Read(EncodeQuery(sql, Format::kArrow, options, piece_rows));
}

std::string TarnType(const arrow::Field& field) { return *field.metadata()->Get("tarn.type"); }

// Returns the values of a column as Arrow prints them.
std::vector<std::string> Values(const arrow::Table& table, int column = 0) {
  std::vector<std::string> out;
  for (int64_t row = 0; row < table.num_rows(); ++row) {
    auto scalar = *table.column(column)->GetScalar(row);
    if (scalar->type->id() == arrow::Type::DICTIONARY) {
      scalar = *static_cast<const arrow::DictionaryScalar&>(*scalar).GetEncodedValue();
    }
    out.push_back(scalar->is_valid ? scalar->ToString() : "NULL");
  }
  return out;
}

class ArrowTypes : public testing::TestWithParam<TypeCase> {};

// Compares text columns with the JSON, without the quotes of scalars. For other types, checks that
// the stream is valid, and that a vector with nulls gives the same value as a constant.
TEST_P(ArrowTypes, ReadBack) {
  const TypeCase& c = GetParam();
  const auto one = Query("SELECT " + c.sql + " AS v");
  ASSERT_EQ(one->num_rows(), 1);
  const auto value = *one->column(0)->GetScalar(0);
  ASSERT_TRUE(value->is_valid);
  auto statement = TestConnection().Prepare("SELECT " + c.sql);
  const duck::ColumnType type = statement->Execute()->types()[0];
  EXPECT_EQ(TarnType(*one->schema()->field(0)), duck::TypeName(type));
  if (c.sql != "TIME '24:00:00'") {  // Out of range in Arrow.
    EXPECT_TRUE(one->ValidateFull().ok()) << one->ValidateFull().ToString();
  }

  if (value->type->id() == arrow::Type::STRING) {
    const bool nested = IsNested(type.id);
    const auto json = nlohmann::json::parse(c.json);
    EXPECT_EQ(value->ToString(), json.is_string() && !nested ? json.get<std::string>() : c.json);
  }

  const auto three = Query("SELECT v FROM (SELECT 0 AS i, NULL AS v UNION ALL SELECT 1, " + c.sql +
                           " UNION ALL SELECT 2, NULL) ORDER BY i");
  ASSERT_EQ(three->num_rows(), 3);
  EXPECT_FALSE((*three->column(0)->GetScalar(0))->is_valid);
  EXPECT_TRUE(
      (*three->column(0)->GetScalar(1))->Equals(*value, arrow::EqualOptions().nans_equal(true)));
  EXPECT_FALSE((*three->column(0)->GetScalar(2))->is_valid);
}

INSTANTIATE_TEST_SUITE_P(All, ArrowTypes, testing::ValuesIn(AllTypeCases()));

struct NativeCase {
  std::string sql;
  std::string type;
  std::string value;
};
void PrintTo(const NativeCase& c, std::ostream* out) { *out << c.sql; }

class ArrowNativeTypes : public testing::TestWithParam<NativeCase> {};

TEST_P(ArrowNativeTypes, TypeAndValue) {
  const auto table = Query("SELECT " + GetParam().sql);
  EXPECT_EQ(table->schema()->field(0)->type()->ToString(), GetParam().type);
  EXPECT_EQ(Values(*table)[0], GetParam().value);
}

INSTANTIATE_TEST_SUITE_P(
    All, ArrowNativeTypes,
    testing::Values(
        NativeCase{"true", "bool", "true"}, NativeCase{"(-128)::TINYINT", "int8", "-128"},
        NativeCase{"(-32768)::SMALLINT", "int16", "-32768"},
        NativeCase{"(-2147483648)::INTEGER", "int32", "-2147483648"},
        NativeCase{"(-9223372036854775808)::BIGINT", "int64", "-9223372036854775808"},
        NativeCase{"255::UTINYINT", "uint8", "255"},
        NativeCase{"65535::USMALLINT", "uint16", "65535"},
        NativeCase{"4294967295::UINTEGER", "uint32", "4294967295"},
        NativeCase{"18446744073709551615::UBIGINT", "uint64", "18446744073709551615"},
        NativeCase{"0.5::FLOAT", "float", "0.5"}, NativeCase{"'-inf'::DOUBLE", "double", "-inf"},
        NativeCase{"(-0.05)::DECIMAL(4,2)", "decimal128(4, 2)", "-0.05"},
        NativeCase{"(-1.10)::DECIMAL(9,2)", "decimal128(9, 2)", "-1.10"},
        NativeCase{"(-0.001)::DECIMAL(18,3)", "decimal128(18, 3)", "-0.001"},
        NativeCase{"'-99999999999999999999999999999999999999'::DECIMAL(38,0)", "decimal128(38, 0)",
                   "-99999999999999999999999999999999999999"},
        NativeCase{"'twelve bytes'", "string", "twelve bytes"},
        NativeCase{"'thirteen byte'", "string", "thirteen byte"}, NativeCase{"''", "string", ""},
        NativeCase{"'\\x00\\xFF'::BLOB", "binary", std::string("\0\xFF", 2)},
        NativeCase{"DATE '1969-12-31'", "date32[day]", "1969-12-31"},
        NativeCase{"TIME '03:04:05.000001'", "time64[us]", "03:04:05.000001"},
        NativeCase{"'03:04:05.123456789'::TIME_NS", "time64[ns]", "03:04:05.123456789"},
        NativeCase{"TIMESTAMP '1969-12-31 23:59:59.999999'", "timestamp[us]",
                   "1969-12-31 23:59:59.999999"},
        NativeCase{"'2026-01-02 03:04:05'::TIMESTAMP_S", "timestamp[s]", "2026-01-02 03:04:05"},
        NativeCase{"'2026-01-02 03:04:05.12'::TIMESTAMP_MS", "timestamp[ms]",
                   "2026-01-02 03:04:05.120"},
        NativeCase{"'2026-01-02 03:04:05.123456789'::TIMESTAMP_NS", "timestamp[ns]",
                   "2026-01-02 03:04:05.123456789"},
        NativeCase{"'2026-01-02 03:04:05+02'::TIMESTAMPTZ", "timestamp[us, tz=UTC]",
                   "2026-01-02 01:04:05.000000Z"},
        NativeCase{"'it''s'::ENUM('a','it''s')",
                   "dictionary<values=string, indices=uint8, ordered=0>", "it's"},
        NativeCase{"[[1], [], NULL, [2, NULL]]", "list<item: list<item: int32>>",
                   "list<item: list<item: int32>>[list<item: int32>[1], list<item: int32>[], null, "
                   "list<item: int32>[2, null]]"},
        NativeCase{"[[1, 2], NULL, [3, NULL]]::INTEGER[2][3]",
                   "fixed_size_list<item: fixed_size_list<item: int32>[2]>[3]",
                   "fixed_size_list<item: fixed_size_list<item: int32>[2]>[3]"
                   "[fixed_size_list<item: int32>[2][1, 2], null, "
                   "fixed_size_list<item: int32>[2][3, null]]"},
        NativeCase{"row(1, 'a')", "struct<1: int32, 2: string>", "{1:int32 = 1, 2:string = a}"},
        NativeCase{"MAP {1: 'a', 2: NULL}", "map<int32, string>",
                   "map<int32, string>[{key:int32 = 1, value:string = a}, "
                   "{key:int32 = 2, value:string = null}]"}));

TEST(ArrowEncoder, EncodesInfinityAsDuckDbsInteger) {
  const auto table = Query(
      "SELECT DATE 'infinity', DATE '-infinity', TIMESTAMP 'infinity', '-infinity'::TIMESTAMP_NS");
  const auto integer = [&](int column, const auto& scalar) {
    return int64_t{static_cast<decltype(scalar)>(**table->column(column)->GetScalar(0)).value};
  };
  EXPECT_EQ(integer(0, arrow::Date32Scalar(0)), std::numeric_limits<int32_t>::max());
  EXPECT_EQ(integer(1, arrow::Date32Scalar(0)), -std::numeric_limits<int32_t>::max());
  const arrow::TimestampScalar timestamp(0, arrow::timestamp(arrow::TimeUnit::MICRO));
  EXPECT_EQ(integer(2, timestamp), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(integer(3, timestamp), -std::numeric_limits<int64_t>::max());
}

TEST(ArrowEncoder, KeepsNamesAndSendsTheSchemaWithoutRows) {
  const auto table = Query(R"(SELECT 1 AS "a ""b", 'x' AS c, 2 AS c WHERE false)");
  EXPECT_EQ(table->num_rows(), 0);
  EXPECT_EQ(table->schema()->field_names(), (std::vector<std::string>{"a \"b", "c", "c"}));
}

// Also with pieces that begin within a byte of validity bits.
TEST(ArrowEncoder, EncodesTheSameRowsInPiecesOfAnySize) {
  const std::string queries[] = {
      // Without 24:00:00, which Arrow's checks refuse.
      "SELECT * REPLACE (TIME '01:02:03' AS time, NULL::TIME_NS AS time_ns) FROM test_all_types()",
      "SELECT i, CASE WHEN i % 3 > 0 THEN i END AS n, i % 2 = 0 AS b, 'text ' || i AS t, "
      "range(i % 5) AS l, CASE WHEN i % 4 > 0 THEN {'x': i, 'y': 'why ' || i, 'z': [i]} END AS s, "
      "(CASE WHEN i % 7 > 0 THEN ['a', NULL, 'b' || i] END)::VARCHAR[3] AS a, "
      "MAP {i: 'm' || i} AS m, (i / 7)::DECIMAL(9, 3) AS d, "
      "(CASE WHEN i % 3 = 0 THEN 'x' ELSE 'y' END)::ENUM('x', 'y') AS e, i::HUGEINT AS h, "
      "[{'k': CASE WHEN i % 2 = 0 THEN 'even' END}, NULL] AS ls FROM range(5000) r(i)"};
  for (const std::string& sql : queries) {
    const auto whole = Query(sql);
    ASSERT_NE(whole, nullptr);
    EXPECT_TRUE(whole->ValidateFull().ok()) << whole->ValidateFull().ToString();
    for (const uint64_t rows : {1, 3, 1000}) {
      const auto pieces = Query(sql, {}, rows);
      EXPECT_TRUE(pieces->ValidateFull().ok());
      EXPECT_TRUE(pieces->Equals(*whole, arrow::EqualOptions().nans_equal(true)))
          << sql << " " << rows;
    }
  }
}

// The lists of these rows share their memory, so the elements are not a range.
TEST(ArrowEncoder, EncodesListsThatShareElements) {
  const auto table = Query(
      "SELECT [1, NULL, 3], {'a': ['x', NULL]}, [['long enough for the heap']] "
      "FROM range(3)");
  for (const std::string& value : Values(*table)) EXPECT_EQ(value, "list<item: int32>[1, null, 3]");
  for (const std::string& value : Values(*table, 1)) {
    EXPECT_EQ(value, "{a:list<item: string> = list<item: string>[x, null]}");
  }
  EXPECT_TRUE(table->ValidateFull().ok());
}

TEST(ArrowEncoder, EncodesFieldsOfNullsAsNull) {
  const auto table = Query(
      "SELECT CASE WHEN i = 1 THEN {'a': 'the text of a row', 'b': [i]} END, "
      "(CASE WHEN i = 1 THEN ['the text of a row', 'b'] END)::VARCHAR[2] FROM range(3) r(i)");
  EXPECT_TRUE(table->ValidateFull().ok());
  const auto fields = std::static_pointer_cast<arrow::StructArray>(table->column(0)->chunk(0));
  EXPECT_EQ(fields->field(0)->null_count(), 2);
  const auto elements =
      std::static_pointer_cast<arrow::FixedSizeListArray>(table->column(1)->chunk(0))->values();
  EXPECT_EQ(elements->null_count(), 4);
}

// If a nested type has no exact Arrow type, the whole column is text.
TEST(ArrowEncoder, EncodesUnsupportedNestedTypesAsJson) {
  const auto table = Query(
      "SELECT {'id': 1, 'h': [170141183460469231731687303715884105727]} AS a, "
      "MAP {'k': INTERVAL '1 day'} AS b",
      {.quote_big_numbers = true});
  EXPECT_EQ(Values(*table, 0)[0], R"({"id":1,"h":["170141183460469231731687303715884105727"]})");
  EXPECT_EQ(Values(*table, 1)[0], R"({"k":"P1D"})");
  EXPECT_EQ(TarnType(*table->schema()->field(0)), "STRUCT(id INTEGER, h HUGEINT[])");
}

// IPC readers support at most 64 levels.
TEST(ArrowEncoder, EncodesDeepTypesAsJson) {
  const std::string deep = std::string(100, '[') + "1" + std::string(100, ']');
  EXPECT_EQ(Values(*Query("SELECT " + deep))[0], deep);
  const std::string maps = [] {
    std::string sql = "1";
    for (int i = 0; i < 30; ++i) sql.insert(0, "MAP {1: ").append("}");
    return sql;
  }();
  EXPECT_EQ(Query("SELECT " + maps)->schema()->field(0)->type()->id(), arrow::Type::MAP);
}

TEST(ArrowEncoder, EncodesUnionsAndVariantsOfNullAsNull) {
  const auto table = Query("SELECT union_value(a := NULL::INTEGER), NULL::VARIANT");
  EXPECT_EQ(Values(*table, 0)[0], "NULL");
  EXPECT_EQ(Values(*table, 1)[0], "NULL");
}

// The memory of a null can contain data of another query.
TEST(ArrowEncoder, SendsNoMemoryOfNulls) {
  const std::string sql =
      "SELECT CASE WHEN i % 2 = 0 THEN v END FROM (SELECT i, (i * 0 + 1)::T AS v FROM range(16) "
      "r(i))";
  for (const char* type : {"UTINYINT", "SMALLINT", "INTEGER", "BIGINT", "DOUBLE", "DECIMAL(4,0)",
                           "DECIMAL(38,0)", "BOOLEAN"}) {
    std::string typed = sql;
    typed.replace(typed.find("::T"), 3, std::string("::") + type);
    const auto table = Query(typed);
    const auto& data = *table->column(0)->chunk(0)->data();
    const int bits = data.type->bit_width();
    for (int row = 1; row < 16; row += 2) {
      for (int bit = row * bits; bit < (row + 1) * bits; ++bit) {
        EXPECT_FALSE(arrow::bit_util::GetBit(data.buffers[1]->data(), bit)) << type << row;
      }
    }
  }
}

TEST(ArrowEncoder, EncodesWideValues) {
  const auto table = Query("SELECT repeat('x', 3000000) || i FROM range(5) r(i)");
  ASSERT_EQ(table->num_rows(), 5);
  const auto last = Values(*table)[4];
  EXPECT_EQ(last.size(), 3'000'001U);
  EXPECT_EQ(last.back(), '4');
}

TEST(ArrowEncoder, SendsTheDictionaryOfAnEnumOnce) {
  const std::string sql =
      "SELECT (CASE WHEN i % 2 = 0 THEN repeat('x', 100) ELSE 'y' END)::ENUM('" +
      std::string(100, 'x') + "', 'y') FROM range(100000) r(i)";
  EXPECT_LT(EncodeQuery(sql, Format::kArrow).size(), 150'000U);
}

}  // namespace
}  // namespace tarn::result
