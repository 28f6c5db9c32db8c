-- Reports the outcomes of requests to a shared quota: frees places, adjusts the allowance, learns the share of the limit
-- that is left by others, and publishes pauses.
--
-- KEYS  1 log    2 state
-- ARGV  1 the epoch of the reservations    2 the channel for messages    3 requests of the limit    4 its window (us)
--       then for each request: the number of its reservation, its outcome, how long ago (us), and a figure (us)
--         'a'  answered; its largest possible delay, or -1 if unknown
--         't'  throttled; the length of the pause
--         'u'  unused
-- Reply the end of the pause (us), 0 if there was none

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local log, state = KEYS[1], KEYS[2]
local function text(number) return string.format('%.0f', number) end

local requests, window = tonumber(ARGV[3]), tonumber(ARGV[4])
local field = redis.call('HMGET', state, 'epoch', 'count', 'pause', 'allowance', 'share', 'since', 'fresh', 'aftermath', 'row')
-- The data of these reservations are lost; a pause still applies.
local known = field[1] == ARGV[1]
local count, pause, allowance = tonumber(field[2] or 0), tonumber(field[3] or 0), tonumber(field[4] or 40000)
local paused_before = pause
local share, since, fresh, aftermath = tonumber(field[5]), tonumber(field[6] or 0), field[7] == '1', field[8] == '1'
local row = tonumber(field[9] or 0)

-- The number of requests that the service counted at that time, of all processes.
local function counted(time)
  local requests_then = 0
  for _, arrival in ipairs(redis.call('LRANGE', log, 0, -1)) do
    -- Later ones are places that are reserved for later.
    local at = tonumber(arrival)
    if at > time - window and at <= time + allowance then requests_then = requests_then + 1 end
  end
  return requests_then
end

-- Learns the share from a throttled response.
local function learn(time)
  local through = math.max(counted(time) - 1, 1)
  local usable, growing = requests, false
  if share then usable, growing = usable_after((time - since) / window, share, fresh) end
  if usable >= requests then
    -- Only one of nearly all requests was too much; it may have been late.
    share, fresh, aftermath = math.max(through > 0.8 * requests and requests - 1 or through, FEW), true, false
  else
    local before, in_aftermath = share, false
    if row > 1 then
      if row > MANY then share = share * 0.8 end
    elseif growing then
      local far = through > share * 1.1 + 2
      share = far and through or share + math.max(-UP, math.min((through - share) / 2, UP))
    elseif aftermath then
      share = share * (1 - DOWN)
    else
      in_aftermath = true
    end
    share = math.max(share, row > MANY and 1 or math.min(FEW, before))
    fresh, aftermath = false, in_aftermath
  end
  since = time
end

for index = 5, #ARGV, 4 do
  local what, when, figure = ARGV[index + 1], now - tonumber(ARGV[index + 2]), tonumber(ARGV[index + 3])
  if known then
    local place = count - tonumber(ARGV[index])
    local entry = redis.call('LINDEX', log, place)
    local arrived = (what == 'u') and 0 or when
    if entry and place >= 0 and tonumber(entry) > arrived then redis.call('LSET', log, place, text(arrived)) end
  end
  if what == 'a' and when >= pause then row = 0 end
  if what == 'a' and figure >= 0 then
    -- Increases fast and decreases slowly, so that it covers nearly all requests.
    if figure > allowance then
      allowance = allowance + (figure - allowance) / 4
    else
      allowance = allowance - (allowance - figure) / 200
    end
    allowance = math.max(30000, math.min(250000, allowance))
  elseif what == 't' then
    -- Requests that were in flight together are throttled together; the limit is reduced once.
    if pause <= when then
      -- Beside others, the request was not late.
      if not share then allowance = math.min(250000, allowance * 1.5) end
      row = row + 1
      learn(when)
    elseif share and fresh then
      share = math.max(share - 1, 1)
    end
    pause = math.max(pause, when + figure)
  end
end

if pause > paused_before then
  redis.call('HMSET', state, 'pause', text(pause), 'probed', 0)
  if share then
    redis.call('HMSET', state, 'share', string.format('%.3f', share), 'since', text(since), 'fresh', fresh and 1 or 0,
      'aftermath', aftermath and 1 or 0)
  end
  redis.call('PUBLISH', ARGV[2], log .. ' pause ' .. text(math.max(0, pause - now)))
end
redis.call('HMSET', state, 'allowance', text(allowance), 'row', row)
if redis.call('PTTL', state) < 0 then redis.call('PEXPIRE', state, 3600000) end
return pause
