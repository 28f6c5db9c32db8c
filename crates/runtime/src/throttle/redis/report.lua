-- Reports the outcomes of requests to a shared quota: frees places, adjusts the allowance, learns the share of the limit
-- that is left by others, and moves the places behind a pause.
--
-- ARGV  3 the epoch of the reservations    4 the channel for messages
--       then for each request: the number of its reservation, its outcome, how long ago (us), and a figure (us)
--         'a'  answered; its largest possible delay, or -1 if unknown
--         't'  throttled; the wait that the service requested, or -1 if it requested none
--         'u'  unused

-- The data of these reservations are lost; a pause still applies.
local known = field.epoch == ARGV[3]
local pause, aftermath, row = number('pause', 0), field.aftermath == '1', number('row', 0)
local paused_before, late = pause, lateness(usable_at(now))

-- The number of requests that the service counted at that time, of all processes.
local function counted(time)
  local requests_then = 0
  for _, arrival in ipairs(redis.call('LRANGE', log, 0, -1)) do
    -- Later ones are places that are reserved for later.
    local at = tonumber(arrival)
    if at > time - window and at <= time + late then requests_then = requests_then + 1 end
  end
  return requests_then
end

-- Learns the share from a throttled response.
local function learn(time)
  local through = math.max(counted(time) - 1, 1)
  local usable, growing = usable_at(time)
  if usable == requests then
    -- Beside others, the request was not late.
    allowance = math.min(250000, allowance * 1.5)
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
  local later = count - tonumber(ARGV[index])
  local entry = known and later >= 0 and tonumber(redis.call('LINDEX', log, later))
  if entry then
    local arrived = (what == 'u') and 0 or when
    -- One that was sent before the pause shows nothing about the service now.
    if what == 'a' and entry > pause then row = 0 end
    if entry > arrived then redis.call('LSET', log, later, text(arrived)) end
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
    if pause <= when then
      row = row + 1
      learn(when)
      -- A known share is exceeded only slightly, so there is room before the window is over.
      if figure < 0 then figure = (fresh or row >= MANY) and window or window / 2 end
    elseif share and fresh then
      -- Requests in flight together are throttled together. The first time, each of them counts.
      share = math.max(share - 1, 1)
    end
    pause = math.max(pause, when + figure)
  end
end

if pause > paused_before then
  -- All later places follow the pause in their order, the first of them alone.
  local function entry(later) return tonumber(redis.call('LINDEX', log, later)) end
  local places = 0
  while entry(places) and (entry(places) == 0 or entry(places) > now + late) do places = places + 1 end
  local ahead, moved = true, ''
  next = math.max(now, pause, floor)
  for later = places - 1, 0, -1 do
    if entry(later) > 0 then
      local at, arrival, after = place(later, next, ahead)
      redis.call('LSET', log, later, text(arrival))
      next, ahead, moved = after, false, moved .. ' ' .. text(count - later) .. ' ' .. text(at - now)
    end
  end
  redis.call('HMSET', state, 'pause', text(pause), 'next', text(next), 'ahead', ahead and 1 or 0)
  redis.call('PUBLISH', ARGV[4], log .. ' moved' .. moved)
end
redis.call('HMSET', state, 'allowance', text(allowance), 'row', row)
if share then
  redis.call('HMSET', state, 'share', string.format('%.3f', share), 'since', text(since), 'fresh', fresh and 1 or 0,
    'aftermath', aftermath and 1 or 0)
end
if redis.call('PTTL', state) < 0 then redis.call('PEXPIRE', state, 3600000) end
return 0
