-- The share of the limit that other programs leave, as `Share` in `share.rs`, whose constants stand before this text.

local function round(number) return math.floor(number + 0.5) end

-- The requests that may be used this many windows after the last throttled response, and whether the share is growing.
local function usable_after(windows, share, fresh)
  local growing = windows - (fresh and FRESH_PLATEAU or PLATEAU)
  if growing < 0 then return round(share), false end
  local steps = math.max(0, math.floor((growing - (fresh and STEP or FIRST_STEP)) / STEP + 1))
  local more = 2 ^ math.min(steps + 1, 64) - 1
  return math.floor(math.max(round(share) * (1 + 0.1 * more), round(share) + more)), true
end

