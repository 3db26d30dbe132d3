-- Whether it is worth a worker's while to claim: 'ready', 'idle', or 'busy' where it must first finish what it holds;
-- and how long until the next job is due. ARGV: epoch. KEYS after the fixed: the lanes.
-- with: _due _clearing

local epoch = ARGV[8]

local function holds_any()
  for _, fence in ipairs(call('HVALS', RUNNING)) do
    if string.sub(fence, 1, #epoch + 1) == epoch .. '.' then
      return true
    end
  end
  return false
end

local function word()
  if call('EXISTS', PAUSED) == 1 then
    return 'idle'
  end
  local own, others = parts(epoch)
  local finds_others = #KEYS > 22 and call('EXISTS', unpack(KEYS, 23)) > 0
  if own then
    if not holds_any() then
      return 'ready'
    elseif own == 'clearing' or has_room(true, others) then
      return 'busy'
    end
  elseif not finds_others and call('EXISTS', SUSPECTS) == 1 and has_room(holds_any(), others) then
    return 'ready'
  end
  return finds_others and 'ready' or 'idle'
end

return {word(), nearest_due() or false}
