-- Let a schedule go on from another mark; answers a letter. ARGV: id, mark, next fire time or 0.
-- with: _plans

local id, mark, next_ms = unpack(ARGV, 8, 10)
local plan = read_plan(id)
if not plan then
  return 'g'
end
plan.mark = mark
keep_plan(id, plan)
fire_next(id, next_ms)
return 'd'
