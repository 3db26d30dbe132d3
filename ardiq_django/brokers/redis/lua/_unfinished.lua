-- Whether a job is on its way; one whose window is over is not, swept or not.
-- with: _job _ends

local function is_unfinished(id)
  local window = call('ZSCORE', EXPIRY, id)
  return call('HEXISTS', JOBS, id) == 1 and not (window and tonumber(window) <= NOW)
end
