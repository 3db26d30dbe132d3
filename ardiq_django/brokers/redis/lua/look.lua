-- Whether it is worth a worker's while to claim: 'ready', 'idle', or 'busy' where it must first finish what it holds;
-- and how long until the next job is due. ARGV: epoch. KEYS after the fixed: the lanes.
-- with: _due

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
  local chosen, is_draining = clearer()
  if chosen == epoch then
    return holds_any() and 'busy' or 'ready'
  elseif #KEYS > 22 and call('EXISTS', unpack(KEYS, 23)) > 0 then
    return 'ready'
  end
  if call('EXISTS', SUSPECTS) == 0 then
    return 'idle'
  end
  local is_free = not call('ZSCORE', WORKERS, chosen) or (is_draining and not holds_any())
  return is_free and 'ready' or 'idle'
end

return {word(), nearest_due() or false}
