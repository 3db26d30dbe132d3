-- Take ended jobs out of an index. KEYS: their records. ARGV: state, then member, score and what becomes of the record:
-- 0 it goes, below 0 it stays until its own time, else it goes at that time (ms).

local index = ended(ARGV[8])
local number = (#ARGV - 8) / 3
for i = 1, number do
  local entry, score, until_ms = ARGV[3 * i + 6], ARGV[3 * i + 7], tonumber(ARGV[3 * i + 8])
  -- one that ended anew since it was looked at has another score
  if tonumber(call('ZSCORE', index, entry) or -1) == tonumber(score) then
    local record = KEYS[#KEYS - number + i]
    call('ZREM', index, entry)
    if until_ms == 0 then
      call('UNLINK', record)
    elseif until_ms > 0 then
      call('PEXPIREAT', record, string.format('%.0f', until_ms - SKEW_MS))
    end
  end
end
