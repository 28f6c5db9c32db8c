-- Reserves the next place in a shared quota, and returns the wait for it. All times are those of the clock of Redis.
--
-- KEYS  1 log: for each of the latest reservations, the latest first, the latest time of arrival of its request at the
--         service (microseconds)
--       2 state: the fields that are read below
--       3 members: the processes that use the quota, by the time of their last report
-- ARGV  1 requests of the limit         2 its window (us)          3 the longest wait (us)    4 the process
--       5 the epoch that it knows, or ''
--       6 how long from now requests count that only this process knows (us)
--       7 the time until all processes have noticed a loss of data (us)
--       8 '1' to be counted as a process
--       9 after a pause, how long other requests wait for the first one (us)
--       10 the channel for messages
-- Reply 1 or 0: reserved or not    wait (us)    number of the reservation    epoch    allowance (us)
--       processes, and the rank of this one among them, from 0; 0 and 0 if it was not counted
--       the requests of the limit that may be used

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local log, state, members = KEYS[1], KEYS[2], KEYS[3]
local requests, window, max_wait = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local function text(number) return string.format('%.0f', number) end
local field = redis.call('HMGET', state, 'epoch', 'count', 'last', 'seen', 'floor', 'pause', 'probed', 'allowance', 'keep', 'share',
  'since', 'fresh')
local function number(index, default) return tonumber(field[index] or default) end
local epoch, count, last = field[1] or '', number(2, 0), number(3, 0)
local seen, floor, pause, since = number(4, now), number(5, 0), number(6, 0), number(11, 0)
local probed, allowance, keep = number(7, 1), number(8, 40000), number(9, requests)

if now < seen then
  -- The clock stepped back, so the stored times are useless; the requests they stand for expire after one window.
  redis.call('DEL', log)
  last, pause, floor = 0, 0, now + window + allowance
  if since > now then
    since = now
    redis.call('HSET', state, 'since', text(since))
  end
end

if epoch == '' then
  epoch = ARGV[4] .. ':' .. text(now)
  -- The data that the process knows are lost.
  if ARGV[5] ~= '' then
    floor = now + window + allowance + tonumber(ARGV[7])
    -- A call with a place from before the loss reserves again.
    redis.call('PUBLISH', ARGV[10], log .. ' lost ' .. epoch)
  end
end
if tonumber(ARGV[6]) > 0 then floor = math.max(floor, now + tonumber(ARGV[6])) end

local usable = requests
if field[10] then
  usable = math.min(requests, (usable_after((now - since) / window, number(10), field[12] == '1')))
end

local nth = redis.call('LINDEX', log, usable - 1)
if not nth and last > 0 and not redis.call('LINDEX', log, 0) then
  -- Only the log was evicted; the state has the latest time of arrival of the last request.
  floor = math.max(floor, last + allowance + window)
end
local at = math.max(now, floor, last)
if nth then at = math.max(at, tonumber(nth) + window) end
if at < pause + tonumber(ARGV[9]) then
  -- After the pause, one request is sent first, then the others.
  if probed == 0 then
    at, probed = math.max(at, pause), 1
  else
    at = pause + tonumber(ARGV[9])
  end
end

local wait = at - now
local reserved = 0
if wait <= max_wait then
  reserved, count, last = 1, count + 1, at
  keep = math.max(keep, requests)
  if redis.call('LPUSH', log, text(at + allowance)) > keep then redis.call('LTRIM', log, 0, keep - 1) end
elseif probed == 1 and at == pause then
  probed = 0
end
redis.call('HMSET', state, 'count', text(count), 'last', text(last), 'seen', text(now))
if epoch ~= field[1] or floor ~= number(5) or pause ~= number(6) or probed ~= number(7) or keep ~= number(9) then
  redis.call('HMSET', state, 'epoch', epoch, 'floor', text(floor), 'pause', text(pause), 'probed', probed, 'keep', keep)
end

local processes, rank = 0, 0
if ARGV[8] == '1' then
  redis.call('ZADD', members, text(now), ARGV[4])
  redis.call('ZREMRANGEBYSCORE', members, '-inf', '(' .. text(now - 10000000))
  for _, process in ipairs(redis.call('ZRANGE', members, 0, -1)) do
    processes = processes + 1
    if process < ARGV[4] then rank = rank + 1 end
  end
  -- Kept for an hour longer than needed, so that missing data mean lost data for a process that used them within that hour.
  local ttl = math.ceil((math.max(last, floor, pause) - now + window) / 1000) + 3600000
  redis.call('PEXPIRE', log, ttl)
  redis.call('PEXPIRE', state, ttl)
  redis.call('PEXPIRE', members, ttl)
end
return {reserved, wait, count, epoch, allowance, processes, rank, usable}
