-- The beginning of both scripts: the state of the quota, the share of the limit that other programs leave (as `Share` in
-- `share.rs`, whose constants stand before this text), and the time of a place. All times are microseconds.
--
-- KEYS  1 log: for each of the latest reservations, the latest first, the latest time of arrival of its request at the
--         service, or 0 if it was not sent
--       2 state: the fields that are read below
-- ARGV  1 requests of the limit    2 its window

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local log, state = KEYS[1], KEYS[2]
local requests, window = tonumber(ARGV[1]), tonumber(ARGV[2])

local values, field = redis.call('HGETALL', state), {}
for index = 1, #values, 2 do field[values[index]] = values[index + 1] end
local function number(name, default) return tonumber(field[name]) or default end
local function text(number) return string.format('%.0f', number) end

-- The number of reservations, the time before which no later place may be, and that of a lost quota.
local count, next, floor = number('count', 0), number('next', 0), number('floor', 0)
local allowance = number('allowance', 40000)
local share, since, fresh = number('share'), number('since', 0), field.fresh == '1'

local function round(number) return math.floor(number + 0.5) end

-- The requests that may be used at that time, and whether the share is growing.
local function usable_at(time)
  if not share then return requests, false end
  local growing = (time - since) / window - (fresh and FRESH_PLATEAU or PLATEAU)
  if growing < 0 then return math.min(round(share), requests), false end
  local steps = math.max(0, math.floor((growing - (fresh and STEP or FIRST_STEP)) / STEP + 1))
  local more = 2 ^ math.min(steps + 1, 64) - 1
  return math.min(math.floor(math.max(round(share) * (1 + 0.1 * more), round(share) + more)), requests), true
end

-- How late a request is assumed to arrive. A share is not exact, so that of an average request is enough for it.
local function lateness(usable) return usable < requests and allowance / 2 or allowance end

-- The time of a place before `later` later ones in the log, from `earliest` on; the latest time of arrival of its
-- request; the time before which the next place may not be; and the requests that may be used.
local function place(later, earliest, first)
  local at, usable, growing = earliest, usable_at(earliest)
  local nth = redis.call('LINDEX', log, later + usable)
  if nth then at = math.max(at, tonumber(nth) + window) end
  -- Requests beyond the share are tried one at a time, so that only one response is throttled.
  local beyond = growing and redis.call('LINDEX', log, later + round(share))
  local alone = first or (beyond and tonumber(beyond) + window > at)
  return at, at + lateness(usable), at + (alone and AHEAD or 0), usable
end
