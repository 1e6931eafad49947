#include "cli/up/sample_data.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "duck/database.h"
#include "duck/quote.h"

namespace tarn::cli {

namespace fs = std::filesystem;

std::string_view SampleQuery() {
  return R"sql(SELECT a.city, count(*) AS flights,
       round(avg(f.delay_min), 1) AS mean_delay_min,
       round(avg(f.delay_min) FILTER (w.wind_kmh >= 60), 1) AS in_a_storm
FROM flights f
JOIN airports a ON a.airport = f.origin
JOIN weather w ON w.airport = f.origin AND w.day = f.departs::DATE
GROUP BY a.city
ORDER BY flights DESC
LIMIT 5)sql";
}

namespace {

constexpr std::string_view kAirports = R"sql(
CREATE TABLE airports AS SELECT * FROM (VALUES
  ('AKL', 'Auckland', 'New Zealand', -37.008, 174.792),
  ('AMS', 'Amsterdam', 'Netherlands', 52.309, 4.764),
  ('ARN', 'Stockholm', 'Sweden', 59.652, 17.919),
  ('ATH', 'Athens', 'Greece', 37.936, 23.944),
  ('ATL', 'Atlanta', 'United States', 33.637, -84.428),
  ('BCN', 'Barcelona', 'Spain', 41.297, 2.078),
  ('BKK', 'Bangkok', 'Thailand', 13.681, 100.747),
  ('BOG', 'Bogotá', 'Colombia', 4.702, -74.147),
  ('BOM', 'Mumbai', 'India', 19.089, 72.868),
  ('CAI', 'Cairo', 'Egypt', 30.122, 31.406),
  ('CDG', 'Paris', 'France', 49.013, 2.55),
  ('CPH', 'Copenhagen', 'Denmark', 55.618, 12.656),
  ('CPT', 'Cape Town', 'South Africa', -33.965, 18.602),
  ('DEL', 'Delhi', 'India', 28.566, 77.103),
  ('DFW', 'Dallas', 'United States', 32.897, -97.038),
  ('DUB', 'Dublin', 'Ireland', 53.421, -6.27),
  ('DXB', 'Dubai', 'United Arab Emirates', 25.253, 55.364),
  ('EZE', 'Buenos Aires', 'Argentina', -34.822, -58.536),
  ('FCO', 'Rome', 'Italy', 41.804, 12.251),
  ('FRA', 'Frankfurt', 'Germany', 50.026, 8.543),
  ('GRU', 'São Paulo', 'Brazil', -23.432, -46.469),
  ('HEL', 'Helsinki', 'Finland', 60.317, 24.963),
  ('HKG', 'Hong Kong', 'Hong Kong', 22.309, 113.915),
  ('HND', 'Tokyo', 'Japan', 35.552, 139.78),
  ('ICN', 'Seoul', 'South Korea', 37.469, 126.451),
  ('IST', 'Istanbul', 'Türkiye', 41.262, 28.728),
  ('JFK', 'New York', 'United States', 40.64, -73.779),
  ('JNB', 'Johannesburg', 'South Africa', -26.139, 28.246),
  ('KEF', 'Reykjavík', 'Iceland', 63.985, -22.606),
  ('LAX', 'Los Angeles', 'United States', 33.943, -118.408),
  ('LHR', 'London', 'United Kingdom', 51.471, -0.462),
  ('LIM', 'Lima', 'Peru', -12.022, -77.114),
  ('LIS', 'Lisbon', 'Portugal', 38.774, -9.134),
  ('MAD', 'Madrid', 'Spain', 40.472, -3.561),
  ('MEX', 'Mexico City', 'Mexico', 19.436, -99.072),
  ('MUC', 'Munich', 'Germany', 48.354, 11.786),
  ('NBO', 'Nairobi', 'Kenya', -1.319, 36.928),
  ('ORD', 'Chicago', 'United States', 41.979, -87.904),
  ('OSL', 'Oslo', 'Norway', 60.194, 11.1),
  ('PRG', 'Prague', 'Czechia', 50.101, 14.26),
  ('SCL', 'Santiago', 'Chile', -33.393, -70.786),
  ('SFO', 'San Francisco', 'United States', 37.619, -122.375),
  ('SIN', 'Singapore', 'Singapore', 1.35, 103.994),
  ('SYD', 'Sydney', 'Australia', -33.946, 151.177),
  ('VIE', 'Vienna', 'Austria', 48.11, 16.57),
  ('WAW', 'Warsaw', 'Poland', 52.166, 20.967),
  ('YYZ', 'Toronto', 'Canada', 43.677, -79.631),
  ('ZRH', 'Zurich', 'Switzerland', 47.465, 8.549)
) t(airport, city, country, latitude, longitude);
CREATE TABLE carriers AS SELECT * FROM (VALUES
  ('AV', 'Avocet Air'), ('CU', 'Curlew'), ('DI', 'Dipper Lines'), ('GA', 'Gannet'),
  ('KI', 'Kittiwake'), ('PL', 'Plover Express'), ('SK', 'Skua Atlantic'), ('TE', 'Tern')
) t(carrier, name);
)sql";

// Uses hash() instead of random(), because it returns the same numbers on every machine and with
// any number of threads. rnd(seed, n) is in [0, 1).
constexpr std::string_view kRest = R"sql(
CREATE MACRO rnd(seed, n) AS (hash(seed, n) % 1000000)::DOUBLE / 1000000;
CREATE TABLE numbered AS SELECT row_number() OVER (ORDER BY md5(city)) - 1 AS i, * FROM airports;
CREATE TABLE weather AS
  SELECT airport, day::DATE AS day,
         round(16 - abs(latitude) / 4 - 9 * cos(2 * pi() * (dayofyear(day) - 20) / 365)
               * (CASE WHEN latitude < 0 THEN -1 ELSE 1 END) * abs(latitude) / 50
               + 8 * rnd(1, hash(airport, day)) - 4, 1)::DECIMAL(4, 1) AS temperature_c,
         (8 + 90 * pow(rnd(2, hash(airport, day)), 4))::INTEGER AS wind_kmh,
         greatest(0, round(60 * (rnd(3, hash(airport, day)) - 0.7), 1))::DECIMAL(4, 1) AS rain_mm
  FROM numbered, range(DATE '2025-01-01', DATE '2026-01-01', INTERVAL 1 DAY) d(day)
  ORDER BY day, airport;
CREATE TABLE drawn AS
  SELECT n,
         -- The square root makes later airports busier.
         floor(48 * sqrt(rnd(10, n)))::BIGINT AS o,
         floor(48 * sqrt(rnd(11, n)))::BIGINT AS d0,
         floor(8 * rnd(12, n))::BIGINT AS c,
         TIMESTAMP '2025-01-01 05:00:00'
           + to_days(floor(365 * rnd(13, n))::INTEGER)
           + to_minutes(5 * floor(216 * rnd(14, n))::BIGINT) AS departs
  FROM range(400000) r(n);
CREATE TABLE flights AS
  SELECT n + 1 AS flight_id,
         k.carrier,
         100 + (hash(15, o, d) % 900)::INTEGER AS flight_number,
         a.airport AS origin, b.airport AS destination,
         departs,
         round(2 * 6371 * asin(sqrt(pow(sin(radians(b.latitude - a.latitude) / 2), 2)
           + cos(radians(a.latitude)) * cos(radians(b.latitude))
           * pow(sin(radians(b.longitude - a.longitude) / 2), 2))))::INTEGER AS distance_km,
         (-5 + 30 * pow(rnd(16, n), 3)
           + CASE WHEN w.wind_kmh >= 60 THEN 1.5 * (w.wind_kmh - 40) * rnd(17, n) ELSE 0 END
           + CASE WHEN hour(departs) >= 17 THEN 10 * rnd(18, n) ELSE 0 END)::INTEGER AS delay_min,
         (rnd(19, n) < CASE WHEN w.wind_kmh >= 85 THEN 0.15 ELSE 0.01 END) AS cancelled
  FROM (SELECT *, (d0 + CASE WHEN d0 = o THEN 1 ELSE 0 END) % 48 AS d FROM drawn)
  JOIN numbered a ON a.i = o
  JOIN numbered b ON b.i = d
  JOIN (SELECT row_number() OVER (ORDER BY carrier) - 1 AS i, * FROM carriers) k ON k.i = c
  JOIN weather w ON w.airport = a.airport AND w.day = departs::DATE
  ORDER BY departs, flight_id;
)sql";

Result<> Generate(const fs::path& folder) {
  TARN_TRY(const duck::Database database, duck::Database::Open({}));
  TARN_TRY(duck::Connection connection, database.Connect());
  TARN_CHECK_OK(connection.Execute(std::string(kAirports)));
  TARN_CHECK_OK(connection.Execute(std::string(kRest)));
  const auto copy = [&](const std::string& query, const std::string& file) {
    return connection.Execute(fmt::format("COPY ({}) TO {} (FORMAT parquet, COMPRESSION zstd)",
                                          query, duck::QuoteLiteral((folder / file).string())));
  };
  TARN_CHECK_OK(copy("FROM airports", "airports.parquet"));
  TARN_CHECK_OK(copy("FROM carriers", "carriers.parquet"));
  TARN_CHECK_OK(copy("FROM weather", "weather.parquet"));
  // A dataset of two objects.
  TARN_CHECK_OK(copy("FROM flights WHERE departs < '2025-07-01'", "flights/2025-h1.parquet"));
  return copy("FROM flights WHERE departs >= '2025-07-01'", "flights/2025-h2.parquet");
}

}  // namespace

Result<fs::path> SampleFolder() {
  const char* data_home = std::getenv("XDG_DATA_HOME");
  if (data_home != nullptr && *data_home == '/') return fs::path(data_home) / "tarn" / "sample";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return fs::path(home) / ".local/share/tarn/sample";
  return InvalidArgument(
      "cannot create sample data, because HOME is not set: serve your own folder with tarn up DIR");
}

Result<> MakeSampleData(const fs::path& folder) {
  std::error_code code;
  // Creates the data beside its final folder, so that it appears there in one step.
  const fs::path unfinished = folder.string() + ".unfinished-" + std::to_string(getpid());
  fs::create_directories(unfinished / "flights", code);
  if (code) {
    return Internal(fmt::format("cannot create {}: {}", unfinished.string(), code.message()));
  }
  Result<> made = Generate(unfinished);
  if (made.ok()) {
    fs::rename(unfinished, folder, code);
    // Another process may have created the same data first.
    if (code && !fs::exists(folder)) {
      made = Internal(fmt::format("cannot create {}: {}", folder.string(), code.message()));
    }
  }
  fs::remove_all(unfinished, code);
  if (!made.ok()) return made.error().Wrap("sample data");
  return {};
}

}  // namespace tarn::cli
