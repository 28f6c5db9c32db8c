-- Reports the outcomes of requests to a shared quota: frees places, adjusts the allowance, and publishes pauses.
--
-- KEYS  1 log    2 state
-- ARGV  1 the epoch of the reservations    2 the channel for messages
--       then for each request: the number of its reservation, its outcome, how long ago (us), and a figure (us)
--         'a'  answered; its largest possible delay, or -1 if unknown
--         't'  throttled; the length of the pause
--         'u'  unused
-- Reply the end of the pause (us), 0 if there was none

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local log, state = KEYS[1], KEYS[2]
local function text(number) return string.format('%.0f', number) end

local field = redis.call('HMGET', state, 'epoch', 'count', 'pause', 'allowance')
-- The data of these reservations are lost; a pause still applies.
local known = field[1] == ARGV[1]
local count, pause, allowance = tonumber(field[2] or 0), tonumber(field[3] or 0), tonumber(field[4] or 40000)
local paused_before = pause

for index = 3, #ARGV, 4 do
  local what, when, figure = ARGV[index + 1], now - tonumber(ARGV[index + 2]), tonumber(ARGV[index + 3])
  if known then
    local place = count - tonumber(ARGV[index])
    local entry = redis.call('LINDEX', log, place)
    local arrived = (what == 'u') and 0 or when
    if entry and place >= 0 and tonumber(entry) > arrived then redis.call('LSET', log, place, text(arrived)) end
  end
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
    if pause <= when then allowance = math.min(250000, allowance * 1.5) end
    pause = math.max(pause, when + figure)
  end
end

if pause > paused_before then
  redis.call('HMSET', state, 'pause', text(pause), 'probed', 0)
  redis.call('PUBLISH', ARGV[2], log .. ' pause ' .. text(math.max(0, pause - now)))
end
redis.call('HSET', state, 'allowance', text(allowance))
if redis.call('PTTL', state) < 0 then redis.call('PEXPIRE', state, 3600000) end
return pause
