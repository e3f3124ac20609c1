"""What a Redis does at one moment for all claims of a request, in its own language.

A counter is a hash: `s` is what was spent (of what flows, in amounts times milliseconds, as of `t`), and `h:<holder>`
what is reserved by one process. What a process reserves counts as long as the key of the process itself is there: it is
kept alive by the process, and so it runs out when that dies.

What is granted is exact, however much money it is. What is told of a level is so up to 2^53.
"""

# A stream may hold what it reserved for a day, if it is configured so; after that nobody asks for it any more.
_KEPT_MS = 25 * 3_600 * 1_000

_COMMON = f"""
local function now_ms(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function keep(key, ends, now)
  redis.call('PEXPIRE', key, string.format('%.0f', {_KEPT_MS} + math.max(0, ends - now)))
end

local function flow(spent, since, now, most)
  if now > since then return math.max(0, spent - (now - since) * most) end
  return spent
end

-- Numbers here are exact up to 2^53, which is nine million dollars: what may be more is added up in billions and the rest.
local function split(text)
  return tonumber(string.sub(text, 1, -10)) or 0, tonumber(string.sub(text, -9))
end

local function join(high, low)
  return (high + math.floor(low / 1e9)) * 1e9 + low % 1e9
end
"""

TAKE = (
    _COMMON
    + """
local holders, holder, now, looks = ARGV[1], ARGV[2], now_ms(ARGV[3]), ARGV[4] == '1'
local alive = {}
local function is_alive(id)
  if alive[id] == nil then alive[id] = redis.call('EXISTS', holders .. id) == 1 end
  return alive[id]
end
if not looks and not is_alive(holder) then return {-1} end

local claims, longest, which, flies = {}, 0, 0, 0
for i = 1, #KEYS do
  local at = 4 + (i - 1) * 5
  local claim = {
    text = ARGV[at + 1], amount = tonumber(ARGV[at + 1]), most = tonumber(ARGV[at + 2]),
    period = tonumber(ARGV[at + 3]), ends = tonumber(ARGV[at + 4]), held = ARGV[at + 5] == '1',
    spent = 0, since = 0, reserved = 0
  }
  -- What is spent, claimed and reserved, less all there is.
  local high, low = split(claim.text)
  local most_high, most_low = split(ARGV[at + 2])
  high, low = high - most_high, low - most_low
  local held_high, held_low = 0, 0
  local flat = redis.call('HGETALL', KEYS[i])
  for j = 1, #flat, 2 do
    local name, value = flat[j], tonumber(flat[j + 1])
    local more_high, more_low = split(flat[j + 1])
    if name == 's' then
      claim.spent, high, low = value, high + more_high, low + more_low
    elseif name == 't' then claim.since = value
    elseif is_alive(string.sub(name, 3)) then
      claim.reserved, held_high, held_low = claim.reserved + value, held_high + more_high, held_low + more_low
    else redis.call('HDEL', KEYS[i], name) end
  end
  local over, under_way = join(high, low), join(high + held_high, low + held_low)
  if claim.period > 0 then
    claim.spent = flow(claim.spent, claim.since, now, claim.most)
    over = claim.spent + (claim.amount - claim.most) * claim.period
    under_way = over + claim.reserved * claim.period
  end
  if under_way > 0 then
    local wait, fly = 1000, 1
    if claim.amount > claim.most then wait, fly = -1, 0
    elseif over > 0 then
      fly = 0
      if claim.period > 0 then wait = math.ceil(over / claim.most)
      elseif claim.ends > 0 then wait = math.max(1, claim.ends - now) end
    end
    if longest >= 0 and (wait < 0 or wait > longest) then longest, which, flies = wait, i, fly end
  end
  claims[i] = claim
end

local reply = {which == 0 and 1 or 0, which, longest, flies}
for i, claim in ipairs(claims) do
  local key = KEYS[i]
  if which == 0 and not looks then
    if claim.held then
      redis.call('HINCRBY', key, 'h:' .. holder, claim.text)
      claim.reserved = claim.reserved + claim.amount
    elseif claim.period > 0 then
      claim.spent = claim.spent + claim.amount * claim.period
      redis.call('HSET', key, 's', string.format('%.0f', claim.spent), 't', string.format('%.0f', now))
    else
      redis.call('HINCRBY', key, 's', claim.text)
      claim.spent = claim.spent + claim.amount
    end
    keep(key, claim.ends, now)
  end
  local whole, full = claim.spent, 0
  if claim.period > 0 then
    whole, full = math.ceil(claim.spent / claim.period), math.ceil(claim.spent / claim.most)
  elseif claim.ends > 0 then full = math.max(0, claim.ends - now) end
  reply[#reply + 1] = math.max(0, claim.most - whole - claim.reserved)
  reply[#reply + 1] = full
  reply[#reply + 1] = whole
  reply[#reply + 1] = claim.reserved
end
return reply
"""
)
"""KEYS: counters. ARGV: what holders' keys begin with, the holder, the time in milliseconds (empty for the server's
own), 1 to look alone; then for each claim amount, most, period_ms, end_ms, held. Gives -1 alone when the holder is not
known; else whether it was taken, which claim was refused, how long it waits (-1 for ever), whether for what is in
flight alone; then of each claim left, full_in_ms, spent, held."""

SETTLE = (
    _COMMON
    + """
local holder, now = 'h:' .. ARGV[1], now_ms(ARGV[2])
for i, key in ipairs(KEYS) do
  local at = 2 + (i - 1) * 5
  local back, spend, most = ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
  local period, ends = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  if back ~= '0' and redis.call('HEXISTS', key, holder) == 1 then
    if redis.call('HINCRBY', key, holder, '-' .. back) <= 0 then redis.call('HDEL', key, holder) end
  end
  if spend ~= '0' then
    if period > 0 then
      local known = redis.call('HMGET', key, 's', 't')
      local spent = flow(tonumber(known[1] or 0), tonumber(known[2] or 0), now, most)
      spent = math.max(0, spent + tonumber(spend) * period)
      redis.call('HSET', key, 's', string.format('%.0f', spent), 't', string.format('%.0f', now))
    elseif redis.call('HINCRBY', key, 's', spend) < 0 then
      redis.call('HSET', key, 's', 0)
    end
    keep(key, ends, now)
  end
end
return 1
"""
)
"""KEYS: counters. ARGV: the holder, the time as above; then for each counter how much less is reserved, how much more
is spent, most, period_ms, end_ms."""

SEED = (
    _COMMON
    + """
local high, low = split(redis.call('HGET', KEYS[1], 's') or '0')
local least_high, least_low = split(ARGV[1])
if join(high - least_high, low - least_low) < 0 then redis.call('HSET', KEYS[1], 's', ARGV[1]) end
keep(KEYS[1], tonumber(ARGV[2]), now_ms(ARGV[3]))
return 1
"""
)
"""KEYS: one counter. ARGV: the least that it has spent, end_ms, the time as above."""

RESET = """
for _, key in ipairs(KEYS) do redis.call('HDEL', key, 's', 't') end
return 1
"""
"""KEYS: counters."""

ALL = (TAKE, SETTLE, SEED, RESET)
