-- How long until the next waiting job is due; nil if there is none.

local function nearest_due()
  local nearest
  for _, key in ipairs({DUE, RETRY}) do
    local first = call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if first[2] then
      nearest = math.min(nearest or first[2], first[2])
    end
  end
  return nearest and math.max(0, nearest - NOW)
end
