-- For bench/load.py: posts the same body repeatedly, and prints the latencies.
-- BODY_FILE is a file with the body, so that the SQL needs no quoting.
local file = io.open(os.getenv("BODY_FILE"), "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "application/json"
file:close()

function done(summary, latency)
  io.write("BENCH ", summary.requests, " ", summary.duration / 1e6, " ")
  local errors = summary.errors
  io.write(errors.connect + errors.read + errors.write + errors.status + errors.timeout)
  for i = 0, 999 do
    io.write(" ", latency:percentile((2 * i + 1) / 20) / 1e3)
  end
  io.write("\n")
end
