-- Enqueue what schedules have due and move them on; answers 'd' for each where that was done here.
-- with: _job _ends _accept _plans _unfinished
-- ARGV: for each its id, token, mark, new mark, next fire time or 0, last fire time or 0, a job or '', the number of its
-- jobs; then of each of these id, envelope, place.

local words, at = {}, 8

local function accept_all(n)
  for i = at, at + 3 * n - 1, 3 do
    accept(ARGV[i], ARGV[i + 1], ARGV[i + 2])
  end
end

while at <= #ARGV do
  local id, token, mark, upto, next_ms, fired, unless, n = unpack(ARGV, at, at + 7)
  local plan = read_plan(id)
  local may_fire = plan and plan.is_enabled and plan.token == token and plan.mark == mark
  at = at + 8
  if may_fire then
    local is_given_up = unless ~= '' and is_unfinished(unless)
    if not is_given_up then
      accept_all(n)
    end
    if next_ms == '0' then
      drop_plan(id)
    else
      plan.mark, plan.fired = upto, (is_given_up or fired == '0') and plan.fired or fired
      keep_plan(id, plan)
      fire_next(id, next_ms)
    end
  end
  at = at + 3 * n
  words[#words + 1] = may_fire and 'd' or 's'
end
ring()
return table.concat(words)
