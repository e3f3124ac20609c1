-- Requests that are all different, formatted once around the place where a number goes; each connection may rest
-- before each of them. At the end the counts as one line of JSON.
-- wrk URL … -- BODY_FILE MARK MEAN_REST_MILLISECONDS HEADER=VALUE …

local before, after
local number = 0
local seed = os.time() % 100000

function init(words)
  local file = assert(io.open(words[1], "rb"))
  local body = file:read("*a")
  file:close()
  local mark, rest = words[2], tonumber(words[3])
  local headers = { ["content-type"] = "application/json" }
  for i = 4, #words do
    local name, value = words[i]:match("^([^=]+)=(.*)$")
    headers[name] = value
  end
  local bytes = wrk.format("POST", nil, headers, body)
  local first, last = bytes:find(mark, 1, true)
  before, after = bytes:sub(1, first - 1), bytes:sub(last + 1)
  if rest > 0 then
    math.randomseed(os.time())
    delay = function() return math.random(0, 2 * rest) end
  end
end

function request()
  number = number + 1
  return before .. string.format("%05d%07d", seed, number) .. after
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\nTOTALS {"requests":%d,"micros":%d,"p50":%d,"p99":%d,"errors":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
