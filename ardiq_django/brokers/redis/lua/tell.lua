-- Put a command into the mail of a registered worker; answers whether there is one.
-- KEYS: its mail. ARGV: epoch, command.

local epoch, command, mail = ARGV[8], ARGV[9], KEYS[#KEYS]
make_way()
if not call('ZSCORE', WORKERS, epoch) then
  return 0
end
call('RPUSH', mail, command)
call('PEXPIRE', mail, math.max(LEASE_MS, 60000)) -- who did not read it by then is dead
return 1
