-- One request, formatted once, sent over and over; at the end the counts as one line of JSON.
-- wrk URL … -- BODY_FILE HEADER=VALUE …

local bytes

function init(words)
  local file = assert(io.open(words[1], "rb"))
  local body = file:read("*a")
  file:close()
  local headers = { ["content-type"] = "application/json" }
  for i = 2, #words do
    local name, value = words[i]:match("^([^=]+)=(.*)$")
    headers[name] = value
  end
  bytes = wrk.format("POST", nil, headers, body)
end

function request()
  return bytes
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\nTOTALS {"requests":%d,"bytes":%d,"micros":%d,"p50":%d,"p99":%d,' ..
      '"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
    summary.requests, summary.bytes, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect, e.read, e.write, e.status, e.timeout))
end
