-- The load: one POST, the same bytes every time. wrk runs this once a thread; the request is built once, not per call.
local file = assert(io.open(assert(os.getenv("BENCH_BODY")), "rb"))
local body = file:read("*a")
file:close()
assert(#body == tonumber(os.getenv("BENCH_BODY_BYTES")), "the body has the wrong length")

wrk.method = "POST"
wrk.body = body
wrk.headers["Content-Type"] = "application/json"
local token = os.getenv("BENCH_TOKEN")
if token and token ~= "" then
  wrk.headers["Authorization"] = "Bearer " .. token
end
if os.getenv("BENCH_CLOSE") == "1" then
  wrk.headers["Connection"] = "close"
end

-- One line for a machine. Times are in microseconds.
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    "\nBENCH requests=%d duration_us=%d p50_us=%d p99_us=%d status=%d connect=%d read=%d write=%d timeout=%d\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.status, e.connect, e.read, e.write, e.timeout))
end
