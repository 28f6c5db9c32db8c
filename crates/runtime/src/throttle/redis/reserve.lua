-- Reserves the next place in a shared quota, and returns the wait for it.
--
-- KEYS  3 members: the processes that use the quota, by the time of their last report
-- ARGV  3 the longest wait (us)    4 the process
--       5 the epoch that it knows, or ''
--       6 how long from now requests count that only this process knows (us)
--       7 the time until all processes have noticed a loss of data (us)
--       8 '1' to be counted as a process
--       9 the channel for messages
-- Reply 1 or 0: reserved or not    wait (us)    number of the reservation    epoch    allowance (us)
--       processes, and the rank of this one among them, from 0; 0 and 0 if it was not counted
--       the requests of the limit that may be used

local members, max_wait = KEYS[3], tonumber(ARGV[3])
local epoch, ahead, keep = field.epoch or '', field.ahead == '1', number('keep', requests)

if now < number('seen', now) then
  -- The clock stepped back, so the stored times are useless; the requests they stand for expire after one window.
  redis.call('DEL', log)
  next, floor, since = 0, now + window + allowance, math.min(since, now)
  redis.call('HMSET', state, 'pause', 0, 'since', text(since))
end

if epoch == '' then
  epoch = ARGV[4] .. ':' .. text(now)
  -- The data that the process knows are lost.
  if ARGV[5] ~= '' then
    floor = now + window + allowance + tonumber(ARGV[7])
    -- A call with a place from before the loss reserves again.
    redis.call('PUBLISH', ARGV[9], log .. ' lost ' .. epoch)
  end
end
if tonumber(ARGV[6]) > 0 then floor = math.max(floor, now + tonumber(ARGV[6])) end
if next > 0 and not redis.call('LINDEX', log, 0) then
  -- Only the log was evicted; the state has the latest time of arrival of the last request.
  floor = math.max(floor, next + allowance + window)
end

local at, arrival, after, usable = place(-1, math.max(now, floor, next), ahead)
local wait = at - now
local reserved = 0
if wait <= max_wait then
  reserved, count, next, ahead = 1, count + 1, after, false
  keep = math.max(keep, requests)
  -- Requests of the last window count, however many places are reserved ahead.
  local length = redis.call('LPUSH', log, text(arrival))
  while length > keep and tonumber(redis.call('LINDEX', log, -1)) + window <= now do
    redis.call('RPOP', log)
    length = length - 1
  end
end
redis.call('HMSET', state, 'epoch', epoch, 'count', text(count), 'next', text(next), 'seen', text(now), 'floor', text(floor),
  'ahead', ahead and 1 or 0, 'keep', keep)

local processes, rank = 0, 0
if ARGV[8] == '1' then
  redis.call('ZADD', members, text(now), ARGV[4])
  redis.call('ZREMRANGEBYSCORE', members, '-inf', '(' .. text(now - 10000000))
  for _, process in ipairs(redis.call('ZRANGE', members, 0, -1)) do
    processes = processes + 1
    if process < ARGV[4] then rank = rank + 1 end
  end
  -- Kept for an hour longer than needed, so that missing data mean lost data for a process that used them within that hour.
  local ttl = math.ceil((math.max(next, floor) - now + window) / 1000) + 3600000
  redis.call('PEXPIRE', log, ttl)
  redis.call('PEXPIRE', state, ttl)
  redis.call('PEXPIRE', members, ttl)
end
return {reserved, wait, count, epoch, allowance, processes, rank, usable}
