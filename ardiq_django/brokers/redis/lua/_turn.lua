-- What a turn says, as exchange.lua is told it.
-- KEYS after the fixed: lanes and tombs, then the record of each outcome. ARGV: epoch, call, want, held, the kinds of
-- the outcomes (a letter each), whether all their ms are alike, the number of lanes, name and cap of each lane; then
-- the columns of the outcomes: fence, body, finish ms, place, ms (a single one if all are alike).
--   s f a   succeeded, failed, aborted: body is the record, ms how long it is kept, place its member in the index
--   r q h   retry, requeue, hand back: body is the attempt (of r), ms the delay, place the lane

local epoch, number, want, held = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local kinds, is_ms_alike, lanes = ARGV[12], ARGV[13] == '1', tonumber(ARGV[14])
local n = #kinds
local at_fences = 14 + 2 * lanes
local at_bodies, at_finish, at_places, at_ms = at_fences + n, at_fences + 2 * n, at_fences + 3 * n, at_fences + 4 * n
local at_records, id_at = #KEYS - n, #record_key('') + 1
local fence = epoch .. '.' .. ARGV[9]

-- Most of the time none of these exists, and one question tells. None comes into being here, but due jobs and tallies.
local known_lanes = (at_records - 22) / 2
local is_any_odd = call('EXISTS', TRIES, DUE, RETRY, EXPIRY, ABORTS, SUSPECTS, CLEARERS, PAUSED, WAITING,
  unpack(KEYS, 23 + known_lanes, at_records)) > 0 -- and the tombs
local has_gone_on = is_any_odd

local function has(key)
  return is_any_odd and call('EXISTS', key) == 1
end
