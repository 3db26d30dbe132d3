-- Take ended jobs out of an index. KEYS: their records. ARGV: state, how many, then the columns: member, score, and
-- what becomes of the record: 0 it goes, below 0 it stays until its own time, else it goes at that time (ms).

local index, n = ended(ARGV[8]), tonumber(ARGV[9])
local at_members, at_scores, at_ends = 9, 9 + n, 9 + 2 * n

local function are_the_oldest()
  local oldest = call('ZRANGE', index, 0, n - 1, 'WITHSCORES')
  for i = 1, n do
    if oldest[2 * i - 1] ~= ARGV[at_members + i] or oldest[2 * i] ~= ARGV[at_scores + i] then
      return false
    end
  end
  return true
end

-- Those that stand as they were seen; one that ended anew since then has another score.
local function unchanged()
  local members, places = {}, {}
  for i = 1, n do
    members[i] = ARGV[at_members + i]
  end
  for i, score in ipairs(gather('ZMSCORE', index, members)) do
    if score == ARGV[at_scores + i] then
      places[#places + 1] = i
    end
  end
  return places
end

local function take_out()
  local places, removed = {}, {}
  if are_the_oldest() then -- one sweep of the index, where taking out each would search for it
    call('ZREMRANGEBYRANK', index, 0, n - 1)
    for i = 1, n do
      places[i] = i
    end
    return places
  end
  places = unchanged()
  for k, i in ipairs(places) do
    removed[k] = ARGV[at_members + i]
  end
  variadic('ZREM', index, removed)
  return places
end

local unlinked = {}
for _, i in ipairs(take_out()) do
  local record, until_ms = KEYS[#KEYS - n + i], tonumber(ARGV[at_ends + i])
  if until_ms == 0 then
    unlinked[#unlinked + 1] = record
  elseif until_ms > 0 then
    call('PEXPIREAT', record, string.format('%.0f', until_ms - SKEW_MS))
  end
end
if #unlinked > 0 then
  call('UNLINK', unpack(unlinked))
end
