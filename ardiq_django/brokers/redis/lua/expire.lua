-- End those of these jobs as expired that wait and whose window is over. ARGV: ids.
-- with: _job _ends

make_way()
for i = 8, #ARGV do
  local id = ARGV[i]
  local state, envelope = locate(id)
  local over_ms = call('ZSCORE', EXPIRY, id)
  if over_ms and tonumber(over_ms) <= NOW then
    if state == 'scheduled' or state == 'queued' then
      local tally = tally_of(id)
      withdraw(id, state, envelope, tally)
      local window_ms = tonumber(tail(envelope).expire_ms) or 0
      finish(id, envelope, tally, 'expired', string.format('expired: not started within %d ms', window_ms))
    else
      call('ZREM', EXPIRY, id)
    end
  end
end
